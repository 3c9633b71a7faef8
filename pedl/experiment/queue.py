"""Who is trained next: of the trials that have something to do, the one with the smallest number.

All of it is certain to be needed, so that any order would do. This one brings about soonest what a search waits for
that decides in the order of trial numbers.
"""

from __future__ import annotations

import heapq

from pedl.experiment.trial_state import TrialState


class Queue:
    """The numbers of trials that may have something to do."""

    def __init__(self) -> None:
        self._heap: list[int] = []
        self._queued: set[int] = set()

    def update(self, trial: TrialState) -> None:
        """Looks at a trial that changed and does not run."""
        if trial.target is not None and trial.id not in self._queued:
            self._queued.add(trial.id)
            heapq.heappush(self._heap, trial.id)

    def pop(self) -> int | None:
        """Takes out the smallest number; None if there is none. What the trial has to do may have changed since."""
        if not self._heap:
            return None
        trial_id = heapq.heappop(self._heap)
        self._queued.remove(trial_id)
        return trial_id
