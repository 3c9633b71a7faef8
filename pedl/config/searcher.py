"""How an experiment searches: the fields of each search method, and which of them this version has."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from pedl.config.values import Count, FilledText, Section, Switch, refused


class Searcher(Section):
    """What all search methods share."""

    metric: FilledText
    """The validation metric that ranks trials."""
    smaller_is_better: Switch = True
    source_trial: Any = None
    source_checkpoint: Any = None

    @field_validator("source_trial", "source_checkpoint")
    @classmethod
    def _no_warm_start(cls, source: object) -> None:
        if source is not None:
            raise refused("nothing: this version cannot start from weights of another experiment", "; leave it out")


class SingleSearcher(Searcher):
    """One trial."""

    name: Literal["single"]
    max_steps: Count


class RandomSearcher(Searcher):
    """`max_trials` trials with random hyperparameters."""

    name: Literal["random"]
    max_steps: Count
    max_trials: Count


class GridSearcher(Searcher):
    """One trial for each point of the grid."""

    name: Literal["grid"]
    max_steps: Count


AnySearcher = Annotated[SingleSearcher | RandomSearcher | GridSearcher, Field(discriminator="name")]

SEARCHERS: dict[str, type[Searcher]] = {"single": SingleSearcher, "random": RandomSearcher, "grid": GridSearcher}

LATER = ("async_halving", "adaptive", "adaptive_simple", "asha", "pbt", "optuna")
"""Methods that pedl will have, and refuses until then by name."""
