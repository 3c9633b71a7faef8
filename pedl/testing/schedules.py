"""A search under a schedule: workers that take and finish work in any order, repeat themselves, fail and crash.

What trials report is a function of the trial and the step, so that everything else about a schedule is chance, drawn
from its seed. Nothing is trained.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pedl.search import Create, Operation, SearchMethod, Train
from pedl.seeds import keyed_bits

Decisions = dict[int, list[Operation]]
"""What was decided about each trial, in order."""

Told = list[tuple[int, int, float | None]]


@dataclass(frozen=True)
class World:
    """What trials report: few different numbers, so that there are ties, and NaN; some trials fail.

    Attributes:
      values: how many different numbers there are.
      nan, failures: shares of the results, in [0, 1].
    """

    seed: int
    values: int = 5
    nan: float = 0.1
    failures: float = 0.05

    def result(self, trial_id: int, step: int) -> float | None:
        """Returns the metric of a trial after `step` steps; None if it fails on the way there."""
        bits = keyed_bits(48, "world", self.seed, trial_id, step)
        if bits & 0xFFFF < self.failures * 2**16:
            return None
        if bits >> 16 & 0xFFFF < self.nan * 2**16:
            return float("nan")
        return float((bits >> 32) % self.values)


class Schedule:
    """One run of a search. Chance decides who works on what for how long, not what comes of it.

    Args:
      make: makes the search, anew after each crash.
      workers: how many trials are trained at once.
    """

    def __init__(self, make: Callable[[], SearchMethod], world: World, chance: random.Random, workers: int) -> None:
        self._make = make
        self._world = world
        self._chance = chance
        self._workers = workers
        self._told: Told = []
        self._open: list[Train] = []
        self._running: list[Train] = []
        self.decisions: Decisions = {}
        self.method = make()
        self._take(self.method.start())

    def run(self, duplicates: float = 0.2, crashes: float = 0.05) -> Decisions:
        """Returns what was decided when the search is over.

        Args:
          duplicates, crashes: how probable a result of before is told again, or the search is lost, after each result.

        Raises:
          AssertionError: if the search waits for nobody, or decides otherwise when it is told the same again.
        """
        while not self.method.finished:
            while self._open and len(self._running) < self._workers:
                self._running.append(self._open.pop(self._chance.randrange(len(self._open))))
            _law(bool(self._running), "it waits for a trial that nobody may train")
            ended = self._running.pop(self._chance.randrange(len(self._running)))
            self._tell(ended.trial_id, ended.until_step, self._world.result(ended.trial_id, ended.until_step))
            if self._chance.random() < duplicates:
                followed = self._report(*self._chance.choice(self._told))
                _law(followed == [], f"a result that was told again is followed by {followed}")
            if self._chance.random() < crashes:
                self._crash()
        left = self._open or self._running or self.method.waiting
        _law(not left, f"it is over, and leaves work: {left}")
        return self.decisions

    def _tell(self, trial_id: int, step: int, metric: float | None) -> None:
        self._told.append((trial_id, step, metric))
        self._take(self._report(trial_id, step, metric))

    def _report(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        return self.method.fail(trial_id) if metric is None else self.method.report(trial_id, step, metric)

    def _take(self, operations: list[Operation]) -> None:
        for operation in operations:
            if isinstance(operation, Create):
                next_id = len(self.decisions) + 1
                _law(operation.trial_id == next_id, f"it creates trial {operation.trial_id} after {next_id - 1} trials")
            self.decisions.setdefault(operation.trial_id, []).append(operation)
            if isinstance(operation, Train):
                self._open.append(operation)

    def _crash(self) -> None:
        """All is lost but the log: what was told, in order."""
        self.method = self._make()
        again: Decisions = {}
        for operations in (self.method.start(), *(self._report(*told) for told in self._told)):
            for operation in operations:
                again.setdefault(operation.trial_id, []).append(operation)
        _law(again == self.decisions, "told the same again after a crash, it decides otherwise")
        self._chance.shuffle(self._running)


class InOrder(random.Random):
    """No chance: the trial with the smallest number first."""

    def randrange(self, *_: Any, **__: Any) -> int:
        return 0


def undisturbed(make: Callable[[], SearchMethod], world: World) -> Decisions:
    """Returns what one worker decides that takes things in order, repeats nothing and never crashes."""
    return Schedule(make, world, InOrder(0), 1).run(duplicates=0, crashes=0)


def one_decision_log(make: Callable[[], SearchMethod], seed: int) -> None:
    """The law, for the schedule of one seed: its decisions are those of an undisturbed worker.

    Raises:
      AssertionError: names the first trial that another decision was made about.
    """
    chance = random.Random(seed)
    world = World(seed // 4, values=chance.choice([1, 3, 1000]), failures=chance.choice([0, 0.05, 0.4]))
    workers = chance.choice([1, 2, 3, 8])
    found, expected = Schedule(make, world, chance, workers).run(), undisturbed(make, world)
    for trial_id in sorted({*found, *expected}):
        here, there = found.get(trial_id), expected.get(trial_id)
        _law(here == there, f"with {workers} workers, trial {trial_id} has {here}, and alone, in order, {there}")


def _law(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
