"""A search under a schedule: workers that take and finish work in any order, repeat themselves, fail and crash.

`decided` plays one schedule and returns, for each trial, what was decided about it. What the trials report is a
function of the trial and the step, so that everything else about a schedule is chance, drawn from its seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pedl.config import parse_config
from pedl.search import Create, Operation, SearchMethod, Train, make_search
from pedl.seeds import keyed_bits

SPACE = {
    "units": {"type": "int", "minval": 1, "maxval": 64},
    "rate": {"type": "double", "minval": 0.0, "maxval": 0.9},
    "optimizer": {"lr": {"type": "log", "base": 10, "minval": -4, "maxval": -1}},
    "activation": {"type": "categorical", "vals": ["relu", ["elu", 1.0], None]},
    "layers": 2,
}

SEARCHERS: dict[str, dict[str, Any]] = {
    "random": {"name": "random", "max_steps": 4, "max_trials": 9},
    "async_halving": {
        "name": "async_halving", "num_rungs": 3, "target_trial_steps": 9, "step_budget": 60, "divisor": 3,
    },
    "adaptive": {"name": "adaptive", "max_rungs": 3, "target_trial_steps": 16, "step_budget": 100},
    "adaptive_simple": {
        "name": "adaptive_simple", "mode": "conservative", "max_rungs": 3, "max_steps": 8, "max_trials": 18,
        "divisor": 2,
    },
    "asha": {"name": "asha", "max_steps": 8, "max_trials": 14, "max_rungs": 4, "divisor": 2},
    "pbt": {
        "name": "pbt", "population_size": 6, "num_rounds": 4, "steps_per_round": 2,
        "replace_function": {"truncate_fraction": 0.34},
        "explore_function": {"resample_probability": 0.3, "perturb_factor": 0.2},
    },
    "optuna": {
        "name": "optuna", "max_steps": 2, "max_trials": 7, "lag": 3,
        "sampler": {"name": "TPESampler", "n_startup_trials": 1, "n_ei_candidates": 4},
    },
}  # fmt: skip


def search(fields: dict[str, Any], experiment_seed: int = 42, **changes: Any) -> SearchMethod:
    config = parse_config({"searcher": {"metric": "loss", **fields, **changes}, "hyperparameters": SPACE})
    return make_search(config.searcher, config.hyperparameters, experiment_seed)


@dataclass(frozen=True)
class World:
    """What trials report: few different numbers, so that there are ties, and NaN; some trials fail."""

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


Decisions = dict[int, list[Operation]]
Told = list[tuple[int, int, float | None]]


class Schedule:
    """One run of a search. Chance decides who works on what for how long, not what comes of it."""

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
        while not self.method.finished:
            while self._open and len(self._running) < self._workers:
                self._running.append(self._open.pop(self._chance.randrange(len(self._open))))
            assert self._running, "the search waits for a trial that nobody may train"
            ended = self._running.pop(self._chance.randrange(len(self._running)))
            self._tell(ended.trial_id, ended.until_step, self._world.result(ended.trial_id, ended.until_step))
            if self._chance.random() < duplicates:
                assert self._report(*self._chance.choice(self._told)) == [], "a repetition was followed by something"
            if self._chance.random() < crashes:
                self._crash()
        assert not self._open and not self._running and self.method.waiting == 0
        return self.decisions

    def _tell(self, trial_id: int, step: int, metric: float | None) -> None:
        self._told.append((trial_id, step, metric))
        self._take(self._report(trial_id, step, metric))

    def _report(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        return self.method.fail(trial_id) if metric is None else self.method.report(trial_id, step, metric)

    def _take(self, operations: list[Operation]) -> None:
        for operation in operations:
            if isinstance(operation, Create):
                assert operation.trial_id == len(self.decisions) + 1
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
        assert again == self.decisions, "what is decided again is not what was decided"
        self._chance.shuffle(self._running)


class InOrder(random.Random):
    """No chance: the trial with the smallest number first."""

    def randrange(self, *_: Any) -> int:
        return 0


def undisturbed(fields: dict[str, Any], world: World) -> Decisions:
    """Returns what one worker decides that takes things in order, repeats nothing and never crashes."""
    return Schedule(lambda: search(fields), world, InOrder(0), 1).run(duplicates=0, crashes=0)


def one_decision_log(fields: dict[str, Any], seed: int) -> None:
    """The law: whatever the schedule, the decisions are those of an undisturbed worker."""
    chance = random.Random(seed)
    world = World(seed // 4, values=chance.choice([1, 3, 1000]), failures=chance.choice([0, 0.05, 0.4]))
    workers = chance.choice([1, 2, 3, 8])
    found = Schedule(lambda: search(fields), world, chance, workers).run()
    assert found == undisturbed(fields, world)
