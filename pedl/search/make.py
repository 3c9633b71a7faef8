"""From a configuration to its search method, and to what it will cost."""

from __future__ import annotations

import importlib
from typing import Any

from pedl.config import ExperimentConfig
from pedl.config.brackets import Bracket, cost
from pedl.config.hparams import Space
from pedl.config.searcher import (
    AdaptiveSearcher,
    AdaptiveSimpleSearcher,
    AnySearcher,
    AshaSearcher,
    AsyncHalvingSearcher,
    OptunaSearcher,
    PbtSearcher,
    ReplicateSearcher,
)
from pedl.extras import need
from pedl.search.asha import AshaSearch
from pedl.search.halving import HalvingSearch
from pedl.search.method import SearchMethod
from pedl.search.pbt import PbtSearch
from pedl.search.replicate import ReplicateSearch
from pedl.search.upfront import UpfrontSearch


def make_search(searcher: AnySearcher, space: Space, experiment_seed: int) -> SearchMethod:
    """Returns the search method that a searcher's fields describe, before its start.

    Args:
      space: `config.hyperparameters`.
      experiment_seed: 0 .. 2**31 - 1.

    Raises:
      InputError: if Optuna, or a package that its sampler needs, is not installed.
      ConfigError: if Optuna has no such sampler, or it does not take these arguments.
    """
    if isinstance(searcher, AsyncHalvingSearcher | AdaptiveSearcher | AdaptiveSimpleSearcher):
        return HalvingSearch(searcher, space, experiment_seed)
    if isinstance(searcher, AshaSearcher):
        return AshaSearch(searcher, space, experiment_seed)
    if isinstance(searcher, PbtSearcher):
        return PbtSearch(searcher, space, experiment_seed)
    if isinstance(searcher, ReplicateSearcher):
        return ReplicateSearch(searcher, space, experiment_seed)
    if isinstance(searcher, OptunaSearcher):
        return _suggested(searcher, space, experiment_seed)
    return UpfrontSearch(searcher, space, experiment_seed)


def preview(config: ExperimentConfig) -> dict[str, Any]:
    """Returns what a configuration will cost, as JSON can hold it: trials, steps, batches, the space searched.

    Each of `brackets` lists its `rungs`: how many trials are trained for how many steps, counted from their start. The
    numbers do not depend on the seed; where `exact` is false they depend on results.
    """
    plan = make_search(config.searcher, config.hyperparameters, config.reproducibility.experiment_seed or 0).plan()
    return {
        "searcher": config.searcher.name,
        "metric": config.searcher.metric,
        "smaller_is_better": config.searcher.smaller_is_better,
        "trials": plan.trials,
        "brackets": [_bracket(bracket) for bracket in plan.brackets],
        "exact": plan.exact,
        "total_steps": plan.total_steps,
        "batches_per_step": config.batches_per_step,
        "total_batches": plan.total_steps * config.batches_per_step,
        "hyperparameters": {path: entry.model_dump() for path, entry in config.hyperparameters.flat().items()},
    }


def _bracket(bracket: Bracket) -> dict[str, Any]:
    rungs = [{"steps": rung.steps, "trials": rung.trials} for rung in bracket]
    return {"rungs": rungs, "trials": bracket[0].trials, "total_steps": cost(bracket)}


def _suggested(searcher: OptunaSearcher, space: Space, experiment_seed: int) -> SearchMethod:
    need("optuna", "searcher.name: optuna", "optuna")
    module = importlib.import_module("pedl.search.suggested")
    method: SearchMethod = module.OptunaSearch(searcher, space, experiment_seed)
    return method
