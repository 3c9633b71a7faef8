"""What every search method is: a state machine that is told results and answers with operations.

    method.start()                      -> [Create(1, {...}), Train(1, until_step=5), ...]
    method.report(1, step=5, metric=.2) -> [Close(1)]
    method.finished                     -> True once every trial that was created is closed

A method is a pure function of configuration, experiment seed and what it was told. It reads no clock, draws only by
key, and decides the same of each trial in whatever order trials report. What it asks for is certain to be needed:
whoever trains may begin with any of it, and trains nothing in vain.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Any

from pedl.config.brackets import Bracket, cost


@dataclass(frozen=True)
class Parent:
    """What a trial starts from: the state of another trial when it had done `step` steps."""

    trial_id: int
    step: int


@dataclass(frozen=True)
class Create:
    """A trial comes into being. `trial_id` counts from 1 without gaps; `hparams` can be held by JSON."""

    trial_id: int
    hparams: dict[str, Any]
    parent: Parent | None = None
    seed: int | None = None
    """The trial's seed, where it is not the one of its number."""
    streams: dict[str, int] = field(default_factory=dict)
    """Seeds of streams that do not follow the trial's seed, by name."""


@dataclass(frozen=True)
class Train:
    """A trial is trained on until it has done `until_step` steps, and is then validated."""

    trial_id: int
    until_step: int


@dataclass(frozen=True)
class Close:
    """A trial is over: nothing more will be asked of it. `reason` is why it was stopped, if it was, for people."""

    trial_id: int
    reason: str = ""


Operation = Create | Train | Close


@dataclass(frozen=True)
class Plan:
    """What a search will cost, known before it starts.

    Attributes:
      brackets: how many trials are trained up to which step.
      trials: how many are created.
      exact: False if results decide it, and this is what trials of equal quality would cost.
    """

    brackets: tuple[Bracket, ...]
    trials: int
    exact: bool = True

    @property
    def total_steps(self) -> int:
        return sum(cost(bracket) for bracket in self.brackets)


class SearchMethod(ABC):
    """Required: all that is here. Everything is called by one thread, one call at a time."""

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

    @property
    @abstractmethod
    def waiting(self) -> int:
        """How many trials, created or to be created, hang on results that are not there yet."""

    @abstractmethod
    def plan(self) -> Plan:
        """Returns what the search will cost."""
