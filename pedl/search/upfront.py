"""Searches that decide everything up front: single, random, grid.

All trials are created at the start and trained to the same step; no result changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pedl.config.brackets import Rung
from pedl.config.hparams import Space
from pedl.config.searcher import GridSearcher, RandomSearcher, SingleSearcher
from pedl.search.grid import grid_points
from pedl.search.method import Operation, Plan
from pedl.search.space import draw_hparams
from pedl.search.told import ToldSearch

UpfrontSearcher = SingleSearcher | RandomSearcher | GridSearcher


class UpfrontSearch(ToldSearch):
    """Creates every trial at once, and closes each when it has done `max_steps` or has failed."""

    def __init__(self, searcher: UpfrontSearcher, space: Space, experiment_seed: int) -> None:
        super().__init__()
        self._max_steps = searcher.max_steps
        self._hparams = list(_all_hparams(searcher, space, experiment_seed))

    def start(self) -> list[Operation]:
        """Returns Create and Train for each trial, in order of trial numbers."""
        return [operation for hparams in self._hparams for operation in self._roster.create(hparams, self._max_steps)]

    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        return [self._roster.close(trial_id)]

    def _failed(self, trial_id: int) -> list[Operation]:
        return []

    def plan(self) -> Plan:
        """Returns one rung: all trials are trained equally long."""
        return Plan(((Rung(self._max_steps, len(self._hparams)),),), len(self._hparams))


def _all_hparams(searcher: UpfrontSearcher, space: Space, experiment_seed: int) -> Iterator[dict[str, Any]]:
    if isinstance(searcher, GridSearcher):
        yield from grid_points(space)
        return
    trials = 1 if isinstance(searcher, SingleSearcher) else searcher.max_trials
    for trial_number in range(1, trials + 1):
        yield draw_hparams(space, experiment_seed, trial_number)
