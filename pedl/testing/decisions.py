"""The law of searches: any order of arrival, any number of workers, repetitions and crashes give one decision log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pedl.config import parse_config, read_config
from pedl.search import SearchMethod, make_search
from pedl.testing.schedules import one_decision_log

EXPERIMENT_SEED = 42


def assert_one_decision_log(config: Mapping[str, Any] | str | Path, schedules: int = 100) -> None:
    """Fails unless the search of a configuration decides the same in whatever order its results arrive.

    Nothing is trained: trials report numbers drawn by trial and step, among them equal ones and NaN, and some fail.
    Each schedule has 1 to 8 workers that finish in another order, tells results twice, and loses the search and tells
    a new one all that was reported. What is decided must be what one worker decides that takes one trial after the
    other.

    Args:
      config: an experiment configuration, or the file that holds one. Without a seed of its own it gets 42.
      schedules: how many are tried, at least 1. Those of one number are always the same.

    Raises:
      AssertionError: names the schedule, and the first trial that another decision is made about.
      ConfigError: if the configuration is wrong.
    """
    parsed = parse_config(dict(config)) if isinstance(config, Mapping) else read_config(Path(config))
    seed = parsed.reproducibility.experiment_seed
    seed = EXPERIMENT_SEED if seed is None else seed

    def make() -> SearchMethod:
        return make_search(parsed.searcher, parsed.hyperparameters, seed)

    for number in range(schedules):
        try:
            one_decision_log(make, number)
        except AssertionError as error:
            raise AssertionError(f"{parsed.searcher.name} decides by arrival: in schedule {number} {error}.") from error
