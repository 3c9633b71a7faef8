"""The attempts that run, and the fence around them.

At most one attempt per trial counts. Whatever arrives from another one (given up, killed, or ended already) is
dropped, message by message: an executor may deliver late and twice.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pedl.executor import Attempt, Executor
from pedl.points import point

ExecutorFactory = Callable[[dict[str, str], Callable[[int], Path]], Executor]
"""Makes an executor from the environment of its workers and the log file of each trial."""


class Workers:
    """The attempts that count, by trial."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._running: dict[int, Attempt] = {}
        self._given_up: list[Attempt] = []
        self._trains: set[int] = set()
        self.batches: dict[int, int] = {}
        """Batches done by the trials that run, newer than any event: for display."""

    def __len__(self) -> int:
        return len(self._running)

    def __contains__(self, trial_id: int) -> bool:
        return trial_id in self._running

    def start(self, task: dict[str, Any], batches: int) -> None:
        """Starts an attempt that goes on after `batches` batches."""
        with point("master.start-task"):
            self._running[task["trial_id"]] = self._executor.start(task)
        self.batches[task["trial_id"]] = batches

    def poll(self, timeout_s: float) -> list[tuple[Attempt, dict[str, Any]]]:
        """Returns what arrived, sorted by trial; what one attempt sent stays in its order.

        The caller asks `counts` for each message when its turn comes: the one before may have ended the attempt.
        """
        return sorted(self._executor.poll(timeout_s), key=lambda arrival: arrival[0].trial_id)

    def counts(self, attempt: Attempt) -> bool:
        return self._running.get(attempt.trial_id) == attempt

    def ended(self, trial_id: int) -> None:
        """From here on nothing that this trial's attempt sent counts."""
        del self._running[trial_id]
        del self.batches[trial_id]
        self._trains.discard(trial_id)

    def give_up(self, trial_id: int) -> None:
        """As `ended`, for an attempt that still runs; its process is ended by `end_given_up`."""
        self._given_up.append(self._running[trial_id])
        self.ended(trial_id)

    def end_given_up(self) -> None:
        for attempt in self._given_up:
            with point("master.kill"):
                self._executor.kill(attempt)
        self._given_up = []

    def trains(self, trial_id: int) -> None:
        """From here on the trial's attempt has something to lose."""
        self._trains.add(trial_id)

    def pause_all(self) -> None:
        """Asks for checkpoints and an end; attempts that have not begun to train are ended at once."""
        for trial_id, attempt in list(self._running.items()):
            if trial_id in self._trains:
                with point("master.send"):
                    self._executor.send(attempt, {"type": "pause"})
            else:
                self.give_up(trial_id)
        self.end_given_up()

    def kill_all(self) -> None:
        for trial_id in list(self._running):
            self.give_up(trial_id)
        self.end_given_up()
