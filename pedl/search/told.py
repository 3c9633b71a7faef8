"""What every method does with what it is told: repetitions and late answers stop here, and failed trials are closed."""

from __future__ import annotations

from abc import abstractmethod
from typing import final

from pedl.search.method import Operation, SearchMethod
from pedl.search.roster import Roster


class ToldSearch(SearchMethod):
    """Required: `start`, `plan`, `_reached`, `_failed`. A method answers to news alone, which its roster knows."""

    def __init__(self) -> None:
        self._roster = Roster()

    @final
    def report(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        """Returns what follows from the first report that reaches a trial's target; nothing from others."""
        return self._reached(trial_id, step, metric) if self._roster.reports(trial_id, step) else []

    @final
    def fail(self, trial_id: int) -> list[Operation]:
        """Closes a trial that was being trained, and returns what follows."""
        if not self._roster.fails(trial_id):
            return []
        return [self._roster.close(trial_id), *self._failed(trial_id)]

    @property
    def finished(self) -> bool:
        """True once every trial is closed."""
        return self._roster.all_over

    @property
    def waiting(self) -> int:
        """How many trials have reported, and were neither asked for more nor closed."""
        return self._roster.waiting

    @abstractmethod
    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        """Returns what follows when a trial has reached its target; it waits."""

    @abstractmethod
    def _failed(self, trial_id: int) -> list[Operation]:
        """Returns what follows for others when a trial has failed; it is closed already."""
