"""Searches that decide everything up front: single, random, grid.

All trials are created at the start and trained to the same step; no result changes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pedl.config.hparams import Space
from pedl.config.searcher import GridSearcher, RandomSearcher, SingleSearcher
from pedl.search.grid import grid_points
from pedl.search.method import Close, Create, Operation, SearchMethod, Train, Work
from pedl.search.space import draw_hparams

UpfrontSearcher = SingleSearcher | RandomSearcher | GridSearcher


class UpfrontSearch(SearchMethod):
    """Creates every trial at once, and closes each when it has done `max_steps` or has failed."""

    def __init__(self, searcher: UpfrontSearcher, space: Space, experiment_seed: int) -> None:
        self._max_steps = searcher.max_steps
        self._hparams = list(_all_hparams(searcher, space, experiment_seed))
        self._open: set[int] = set()
        self._started = False

    def start(self) -> list[Operation]:
        """Returns Create and Train for each trial, in order of trial numbers."""
        self._started = True
        operations: list[Operation] = []
        for trial_id, hparams in enumerate(self._hparams, start=1):
            self._open.add(trial_id)
            operations += [Create(trial_id, hparams), Train(trial_id, self._max_steps)]
        return operations

    def report(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        """Closes the trial if it has done its steps; the metric decides nothing."""
        return self._close(trial_id) if step >= self._max_steps else self._check(trial_id)

    def fail(self, trial_id: int) -> list[Operation]:
        """Closes the trial."""
        return self._close(trial_id)

    @property
    def finished(self) -> bool:
        """True once every trial is closed."""
        return self._started and not self._open

    def work(self) -> list[Work]:
        """Returns one entry: all trials are trained equally long."""
        return [Work(len(self._hparams), self._max_steps)]

    def _close(self, trial_id: int) -> list[Operation]:
        self._check(trial_id)
        if trial_id not in self._open:
            return []  # Results are delivered at least once: the second time, nothing follows.
        self._open.remove(trial_id)
        return [Close(trial_id)]

    def _check(self, trial_id: int) -> list[Operation]:
        if not self._started or not 1 <= trial_id <= len(self._hparams):
            raise ValueError(f"trial {trial_id} was not created; there are {len(self._hparams)} trials")
        return []


def _all_hparams(searcher: UpfrontSearcher, space: Space, experiment_seed: int) -> Iterator[dict[str, Any]]:
    if isinstance(searcher, GridSearcher):
        yield from grid_points(space)
        return
    trials = 1 if isinstance(searcher, SingleSearcher) else searcher.max_trials
    for trial_number in range(1, trials + 1):
        yield draw_hparams(space, experiment_seed, trial_number)
