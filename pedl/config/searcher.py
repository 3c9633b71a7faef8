"""How an experiment searches: the fields of each search method."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pedl.config.values import Count, FilledText, Section, Seed, Switch, TrialName, expects, refused
from pedl.seeds import STREAMS, Stream

LARGEST_RUNGS = 100

Rungs = Annotated[int, Field(ge=1, le=LARGEST_RUNGS), expects(f"a whole number in 1 .. {LARGEST_RUNGS}")]
Divisor = Annotated[float, Field(ge=2), expects("a number of at least 2")]
Mode = Annotated[
    Literal["conservative", "standard", "aggressive"],
    expects("conservative, standard or aggressive", "conservative", "standard", "aggressive"),
]
Share = Annotated[float, Field(ge=0, le=1), expects("a number in 0 .. 1")]
Half = Annotated[float, Field(ge=0, le=0.5), expects("a number in 0 .. 0.5")]
Factor = Annotated[float, Field(ge=0, lt=1), expects("a number of at least 0 and below 1")]


def _named(sampler: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(sampler.get("name"), str):
        raise ValueError(sampler)
    return sampler


def _seeded(sampler: dict[str, Any]) -> dict[str, Any]:
    # Samplers of Optuna take None for a request to draw a seed from the operating system.
    if "seed" in sampler and sampler["seed"] is None:
        raise refused("a sampler whose `seed` is not null", "; leave it out: it is derived from the experiment seed")
    return sampler


Sampler = Annotated[
    dict[str, Any],
    AfterValidator(_named),
    expects("a mapping with the `name` of a class of optuna.samplers and its arguments, such as {name: TPESampler}"),
    AfterValidator(_seeded),
]


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


class AsyncHalvingSearcher(Searcher):
    """One bracket of successive halving, sized by the steps it may cost."""

    name: Literal["async_halving"]
    num_rungs: Rungs
    target_trial_steps: Count
    step_budget: Count
    divisor: Divisor = 4.0


class AdaptiveSearcher(Searcher):
    """Several brackets of successive halving, which share a budget of steps."""

    name: Literal["adaptive"]
    target_trial_steps: Count
    step_budget: Count
    mode: Mode = "standard"
    divisor: Divisor = 4.0
    max_rungs: Rungs = 5
    bracket_rungs: Annotated[list[Rungs], Field(min_length=1), expects("a list of numbers of rungs")] | None = None
    """How many rungs each bracket has, instead of what `mode` and `max_rungs` say."""


class AdaptiveSimpleSearcher(Searcher):
    """Several brackets of successive halving, which share a number of trials."""

    name: Literal["adaptive_simple"]
    max_steps: Count
    max_trials: Count
    mode: Mode = "standard"
    divisor: Divisor = 4.0
    max_rungs: Rungs = 5


class AshaSearcher(Searcher):
    """`max_trials` trials, each of which is stopped at a rung unless it is among the best of those before it."""

    name: Literal["asha"]
    max_steps: Count
    max_trials: Count
    divisor: Divisor = 4.0
    max_rungs: Rungs = 5


class ReplaceFunction(Section):
    """Which part of a population is replaced after each round."""

    truncate_fraction: Half


class ExploreFunction(Section):
    """How the hyperparameters of a clone come from its parent's."""

    resample_probability: Share
    perturb_factor: Factor


class PbtSearcher(Searcher):
    """A population of trials, the worst of which are replaced by changed clones of the best after each round."""

    name: Literal["pbt"]
    population_size: Count
    num_rounds: Count
    steps_per_round: Count
    replace_function: ReplaceFunction
    explore_function: ExploreFunction


class OptunaSearcher(Searcher):
    """`max_trials` trials with hyperparameters that a sampler of Optuna suggests."""

    name: Literal["optuna"]
    max_steps: Count
    max_trials: Count
    sampler: Sampler = Field(default_factory=lambda: {"name": "TPESampler"})
    lag: Count = 1
    """Trial i is suggested by what trials 1 .. i - lag reported: so many are trained at once."""


VariedStream = Annotated[Stream, expects(f"one of {', '.join(STREAMS)}", *STREAMS)]
A_LIST_OF_STREAMS = expects(f"a list of streams: {', '.join(STREAMS)}")


class ReplicateSearcher(Searcher):
    """One trial again, and then with streams re-keyed; `pedl experiment replicate` writes it."""

    name: Literal["replicate"]
    of: TrialName
    """The trial that is replicated."""
    trial_seed: Seed
    targets: Annotated[list[Count], Field(min_length=1), expects("a list of steps")]
    """The steps at which that trial stopped and was validated, the last of them at its end."""
    replications: Annotated[int, Field(ge=2), expects("a whole number of at least 2")]
    vary: Annotated[list[VariedStream], Field(min_length=1), A_LIST_OF_STREAMS]
    together: Annotated[list[VariedStream], A_LIST_OF_STREAMS] = Field(default_factory=list)
    """Those of `vary` that the trial does not keep apart: they are re-keyed as one."""
    weights_sha256: FilledText | None = None
    """The hash of the weights that the trial ended with; who repeats it ends with the same."""


HalvingSearcher = AsyncHalvingSearcher | AdaptiveSearcher | AdaptiveSimpleSearcher

AnySearcher = Annotated[
    SingleSearcher
    | RandomSearcher
    | GridSearcher
    | AsyncHalvingSearcher
    | AdaptiveSearcher
    | AdaptiveSimpleSearcher
    | AshaSearcher
    | PbtSearcher
    | OptunaSearcher
    | ReplicateSearcher,
    Field(discriminator="name"),
]

SEARCHERS: dict[str, type[Searcher]] = {
    "single": SingleSearcher, "random": RandomSearcher, "grid": GridSearcher, "async_halving": AsyncHalvingSearcher,
    "adaptive": AdaptiveSearcher, "adaptive_simple": AdaptiveSimpleSearcher, "asha": AshaSearcher, "pbt": PbtSearcher,
    "optuna": OptunaSearcher, "replicate": ReplicateSearcher,
}  # fmt: skip
