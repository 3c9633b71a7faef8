"""Searches at any width: what waiting for a fixed order costs in time, and how many decisions one master makes.

    python benchmarks/search.py            # everything; some minutes
    python benchmarks/search.py --short    # small sizes

1. Makespan, simulated: `asha` as pedl decides it, in the order of trial numbers, against the same rule applied to
   results as they arrive, which has another outcome for every number of workers. Trials are equally fast, or have
   speeds of a heavy tail (log-normal, sigma 1: one in a hundred takes ten times as long as the median).
   Medians over several draws of the speeds: with few trials, who happens to be slow decides more than the order.
2. Decisions a second of the search alone, and of one master that makes results and decisions durable on this disk.
"""

from __future__ import annotations

import argparse
import heapq
import math
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pedl.config import parse_config
from pedl.config.brackets import asha_rungs
from pedl.executor import Attempt, Executor
from pedl.experiment import create_experiment
from pedl.experiment.decisions import Decisions
from pedl.experiment.journal import Journal
from pedl.experiment.tasks import CHECK_TRIAL_ID
from pedl.search import Close, Operation, SearchMethod, Train, make_search
from pedl.search.best import BestSoFar, rank
from pedl.seeds import keyed_bits
from pedl.store import Home

SPACE = {"lr": {"type": "log", "base": 10, "minval": -4, "maxval": -1}}
SIZES = ((256, (1, 2, 16)), (1024, (1, 10, 64)), (10_000, (100, 625)), (100_000, (1, 1000)))
SHORT_SIZES = ((256, (1, 2, 16)), (1024, (10, 64)))


def configuration(trials: int) -> Any:
    searcher = {"name": "asha", "metric": "loss", "max_steps": 256, "max_trials": trials}
    return parse_config({"searcher": searcher, "hyperparameters": SPACE, "reproducibility": {"experiment_seed": 1}})


class ByArrival:
    """The same rule, decided when a result arrives from those that arrived before: a trial never waits."""

    def __init__(self, config: Any) -> None:
        self._rungs = asha_rungs(config.searcher)
        self._best = [BestSoFar(config.searcher.divisor) for _ in self._rungs]
        self._steps = [rung.steps for rung in self._rungs]
        self._trials = config.searcher.max_trials

    def start(self) -> list[Operation]:
        return [Train(trial, self._steps[0]) for trial in range(1, self._trials + 1)]

    def report(self, trial_id: int, step: int, metric: float) -> list[Operation]:
        number = self._steps.index(step)
        last = number == len(self._steps) - 1
        if last or not self._best[number].add(rank(metric, trial_id, True)):
            return [Close(trial_id)]
        return [Train(trial_id, self._steps[number + 1])]


def loss(trial_id: int, step: int) -> float:
    """A learning curve: what a trial tends to, how fast, and noise."""
    bits = keyed_bits(48, "curve", trial_id)
    floor, speed = (bits & 0xFFFF) / 2**16, (bits >> 16 & 0xFFFF) / 2**16
    noise = keyed_bits(16, "noise", trial_id, step) / 2**16
    return floor + math.exp(-step * speed / 8) + 0.05 * noise


def makespan(method: SearchMethod | ByArrival, workers: int, draw: int | None) -> float:
    """Returns the simulated seconds that a search takes, with a draw of the trials' speeds; None: all equal."""
    speeds = random.Random(draw)
    queue: list[tuple[int, int]] = []
    running: list[tuple[float, int, int]] = []
    done: dict[int, int] = {}
    per_step: dict[int, float] = {}
    now = 0.0

    def take(operations: Iterable[Operation]) -> None:
        for operation in operations:
            if isinstance(operation, Train):
                heapq.heappush(queue, (operation.trial_id, operation.until_step))

    take(method.start())
    for trial_id, _ in sorted(queue):
        per_step[trial_id] = 1.0 if draw is None else speeds.lognormvariate(0, 1)
    while queue or running:
        while queue and len(running) < workers:
            trial_id, until_step = heapq.heappop(queue)
            steps = until_step - done.get(trial_id, 0)
            heapq.heappush(running, (now + steps * per_step[trial_id], trial_id, until_step))
        now, trial_id, until_step = heapq.heappop(running)
        done[trial_id] = until_step
        take(method.report(trial_id, until_step, loss(trial_id, until_step)))
    return now


def compare_makespans(sizes: Iterable[tuple[int, tuple[int, ...]]]) -> None:
    print("Makespan of asha in the order of trial numbers; by arrival = 1")
    print(f"{'trials':>8} {'workers':>8} {'equal speeds':>16} {'heavy tail':>16}")
    for trials, widths in sizes:
        config = configuration(trials)
        for workers in widths:
            draws = range(max(1, min(15, 20_000 // trials)))
            equal, *tailed = [_ratio(config, workers, draw) for draw in (None, *draws)]
            print(f"{trials:>8} {workers:>8} {equal:>16.2f} {statistics.median(tailed):>16.2f}", flush=True)


def _ratio(config: Any, workers: int, draw: int | None) -> float:
    in_order = make_search(config.searcher, config.hyperparameters, 1)
    return makespan(in_order, workers, draw) / makespan(ByArrival(config), workers, draw)


class Checked(Executor):
    """Answers the check that comes before an experiment exists; nothing is trained."""

    def __call__(self, environment: dict[str, str], log_path: Callable[[int], Path]) -> Executor:
        return self

    def start(self, task: dict[str, Any]) -> Attempt:
        return Attempt(task["trial_id"], 1)

    def poll(self, timeout_s: float | None) -> list[tuple[Attempt, dict[str, Any]]]:
        message = {"type": "done", "validation_metrics": ["loss"], "numeric_profile": {}, "warnings": []}
        return [(Attempt(CHECK_TRIAL_ID, 1), message)]

    def send(self, attempt: Attempt, message: dict[str, Any]) -> None:
        raise NotImplementedError

    def kill(self, attempt: Attempt) -> None:
        raise NotImplementedError

    def close(self) -> None:
        return

    def lend(self, descriptor: int) -> None:
        return


def decide(trials: int, workers: int) -> None:
    """Prints how many results a second a search decides on, and a master that makes all of it durable."""
    with tempfile.TemporaryDirectory() as name:
        definition = Path(name) / "model_def.py"
        definition.write_text("x = 1\n")
        home = Home(Path(name) / "home")
        config = configuration(trials)
        create_experiment(config.to_dict(), definition, home.path, 1, Checked())
        results = list(play(make_search(config.searcher, config.hyperparameters, 1), workers))
        alone = make_search(config.searcher, config.hyperparameters, 1)
        alone.start()
        started = time.perf_counter()
        for trial_id, step, metric in results:
            alone.report(trial_id, step, metric)
        search_s = time.perf_counter() - started
        with home.open_log(1) as log:
            journal = Journal(log, log.events(), Decisions(config, 1))
            started = time.perf_counter()
            for number, (trial_id, step, metric) in enumerate(results, start=1):
                result = {"step": step, "batches": step, "fingerprint": "0" * 64}
                tensors = {f"layer_{layer}/kernel": "0" * 16 for layer in range(8)}
                journal.record("step", trial_id, {**result, "metrics": {"loss": metric}, "tensors": tensors})
                journal.record("validation", trial_id, {"step": step, "metrics": {"loss": metric}})
                journal.record("reached", trial_id, {**result, "weights_sha256": "0" * 64})
                if number % workers == 0:
                    journal.commit()
            journal.commit()
            master_s = time.perf_counter() - started
        assert journal.search_finished and alone.finished
        row = f"{len(results) / search_s:>16,.0f} {len(results) / master_s:>16,.0f}"
        print(f"{trials:>8} {workers:>8} {row}", flush=True)


def play(method: SearchMethod, workers: int) -> Iterable[tuple[int, int, float]]:
    """Yields results in an order in which so many equally fast workers would send them."""
    queue = [(it.trial_id, it.until_step) for it in method.start() if isinstance(it, Train)]
    while queue:
        now, queue = queue[:workers], queue[workers:]
        for trial_id, step in now:
            yield trial_id, step, loss(trial_id, step)
            following = method.report(trial_id, step, loss(trial_id, step))
            queue += [(it.trial_id, it.until_step) for it in following if isinstance(it, Train)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    short = parser.parse_args().short
    compare_makespans(SHORT_SIZES if short else SIZES)
    print("\nDecisions a second, of the search alone and of a master that makes results and decisions durable")
    print(f"{'trials':>8} {'workers':>8} {'search':>16} {'master':>16}")
    for trials, workers in ((1000, 100),) if short else ((1000, 100), (10_000, 1000)):
        decide(trials, workers)


if __name__ == "__main__":
    main()
