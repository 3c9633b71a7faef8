"""What every search method is: a state machine that is told results and answers with operations.

    method.start()                      -> [Create(1, {...}), Train(1, until_step=5), ...]
    method.report(1, step=5, metric=.2) -> [Close(1)]
    method.finished                     -> True once every trial that was created is closed

A method is a pure function of configuration, experiment seed and what it was told. It reads no clock, draws only by
key, and its decisions are the same in whatever order trials report.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Create:
    """A trial comes into being. `trial_id` counts from 1 without gaps; `hparams` can be held by JSON."""

    trial_id: int
    hparams: dict[str, Any]


@dataclass(frozen=True)
class Train:
    """A trial is trained on until it has done `until_step` steps, and is then validated."""

    trial_id: int
    until_step: int


@dataclass(frozen=True)
class Close:
    """A trial is over: nothing more will be asked of it."""

    trial_id: int


Operation = Create | Train | Close


@dataclass(frozen=True)
class Work:
    """What a search will cost: so many trials, each trained for so many steps."""

    trials: int
    steps: int


class SearchMethod(ABC):
    """Required: `start`, `report`, `fail`, `finished`, `work`. All are called by one thread, one at a time."""

    @abstractmethod
    def start(self) -> list[Operation]:
        """Returns the first operations. Called once, before anything else."""

    @abstractmethod
    def report(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        """Returns what follows from a validation.

        Args:
          step: steps that the trial has done. Before its target, or after its end, nothing follows.
          metric: the searcher's metric there; NaN and None rank last.

        Raises:
          ValueError: if no such trial was created.
        """

    @abstractmethod
    def fail(self, trial_id: int) -> list[Operation]:
        """Returns what follows from the failure of a trial: it is over, and ranks last.

        Raises:
          ValueError: if no such trial was created.
        """

    @property
    @abstractmethod
    def finished(self) -> bool:
        """True once every trial is over and no more will be created."""

    @abstractmethod
    def work(self) -> list[Work]:
        """Returns what the search will cost at most, known before it starts."""
