"""Runs experiment 1 of a home with real workers whose messages come late, twice and out of turn.

`python chaotic_master.py HOME WORKERS SEED MODULE`: MODULE is the workers' (`pedl.trial.worker`, or `light_worker`).
What it did to messages is appended to the file `messages` beside the home, a word a line, since it may be killed.
"""

from __future__ import annotations

import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pedl.executor import Attempt, Executor, LocalExecutor
from pedl.experiment import load_experiment
from tests.promises.kills import INTERRUPTED

Arrival = tuple[Attempt, dict[str, Any]]


class ChaoticExecutor(Executor):
    """An executor that keeps its laws in the worst way: held back by attempt, repeated at once and much later."""

    def __init__(self, inner: Executor, seed: int, done: Path) -> None:
        self._inner = inner
        self._random = random.Random(seed)
        self._held: list[Arrival] = []
        self._late: list[Arrival] = []
        self._done = done

    def lend(self, descriptor: int) -> None:
        self._inner.lend(descriptor)

    def start(self, task: dict[str, Any]) -> Attempt:
        return self._inner.start(task)

    def poll(self, timeout_s: float | None) -> list[Arrival]:
        arrivals = self._held + self._inner.poll(0.02 if self._held or self._late else timeout_s)
        slow = {attempt for attempt in dict(arrivals) if self._random.random() < 0.2}
        self._held = [arrival for arrival in arrivals if arrival[0] in slow]
        self._tell("held back", len(self._held))
        delivered: list[Arrival] = []
        for arrival in arrivals:
            if arrival[0] in slow:
                continue
            twice = self._random.random() < 0.2
            self._tell("twice", twice)
            delivered += [arrival] * (2 if twice else 1)
            if self._random.random() < 0.1:
                self._late.append(arrival)
        if self._late and self._random.random() < 0.3:
            delivered.append(self._late.pop(0))
            self._tell("late again", 1)
        return delivered

    def send(self, attempt: Attempt, message: dict[str, Any]) -> None:
        self._inner.send(attempt, message)

    def kill(self, attempt: Attempt) -> None:
        self._inner.kill(attempt)
        self._held = [arrival for arrival in self._held if arrival[0] != attempt]

    def close(self) -> None:
        self._inner.close()

    def _tell(self, what: str, times: int) -> None:
        if times:
            with self._done.open("a") as file:
                file.write(f"messages {what}\n" * times)


def messages(directory: Path) -> Counter[str]:
    """Returns what was done to messages in the experiments whose homes are in a directory."""
    file = directory / "messages"
    return Counter(file.read_text().splitlines() if file.exists() else [])


def main() -> None:
    home, workers, seed, module = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

    def make_executor(environment: dict[str, str], log_path: Callable[[int], Path]) -> Executor:
        return ChaoticExecutor(LocalExecutor(environment, log_path, worker=module), seed, home.parent / "messages")

    try:
        load_experiment(1, home, make_executor).run(workers)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
