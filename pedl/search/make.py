"""From a configuration to its search method, and to what it will cost."""

from __future__ import annotations

from typing import Any

from pedl.config import ExperimentConfig
from pedl.config.hparams import Space
from pedl.config.searcher import AnySearcher
from pedl.search.method import SearchMethod
from pedl.search.upfront import UpfrontSearch


def make_search(searcher: AnySearcher, space: Space, experiment_seed: int) -> SearchMethod:
    """Returns the search method that a searcher's fields describe, before its start.

    Args:
      space: `config.hyperparameters`.
      experiment_seed: 0 .. 2**31 - 1.
    """
    return UpfrontSearch(searcher, space, experiment_seed)


def preview(config: ExperimentConfig) -> dict[str, Any]:
    """Returns what a configuration will cost, as JSON can hold it: trials, steps, batches, the space searched.

    `work` lists how many trials are trained for how many steps. The numbers do not depend on the seed.
    """
    work = make_search(config.searcher, config.hyperparameters, config.reproducibility.experiment_seed or 0).work()
    total_steps = sum(entry.trials * entry.steps for entry in work)
    return {
        "searcher": config.searcher.name,
        "metric": config.searcher.metric,
        "smaller_is_better": config.searcher.smaller_is_better,
        "trials": sum(entry.trials for entry in work),
        "work": [{"trials": entry.trials, "steps": entry.steps} for entry in work],
        "total_steps": total_steps,
        "batches_per_step": config.batches_per_step,
        "total_batches": total_steps * config.batches_per_step,
        "hyperparameters": {path: entry.model_dump() for path, entry in config.hyperparameters.flat().items()},
    }
