"""How an experiment searches: the fields of each search method, and which of them this version has."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pedl.config.values import Count, FilledText, Section, Switch, TrialName


class Searcher(Section):
    """What all search methods share."""

    metric: FilledText
    """The validation metric that ranks trials."""
    smaller_is_better: Switch = True
    source_trial: TrialName | None = None
    """The trial, as "experiment/trial", whose newest checkpoint every trial starts from."""
    source_checkpoint: FilledText | None = None
    """The uuid of a checkpoint, or a directory with one, that every trial starts from."""


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
