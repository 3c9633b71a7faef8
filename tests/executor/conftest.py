"""Executors with the dummy worker of this folder."""

import os
import time
import uuid
from pathlib import Path

import pytest

from pedl.executor import TERMINAL_TYPES, LocalExecutor
from pedl.executor.stillness import Patience

HERE = Path(__file__).parent


class Driver:
    """A local executor, what it delivered, and short words for what tests do with it."""

    def __init__(
        self, folder: Path, worker: str = "dummy_worker", patience: Patience | None = None, **environment: str
    ) -> None:
        self.logs = folder / "logs"
        self.executor = LocalExecutor(
            {**os.environ, "PYTHONPATH": str(HERE), **environment},
            lambda trial: self.logs / f"trial-{trial}.log",
            worker,
            patience,
        )
        self.received = []

    def start(self, do, trial_id=1, ballast="", **options):
        return self.executor.start({"trial_id": trial_id, "do": do, "with": options, "ballast": ballast})

    def until(self, wanted, timeout_s=120.0):
        """Polls until `wanted(received)` is true."""
        deadline = time.monotonic() + timeout_s
        while not wanted(self.received):
            assert time.monotonic() < deadline, f"nothing of the kind within {timeout_s} s, only {self.received}"
            self.received += self.executor.poll(0.5)

    def messages(self, attempt):
        return [message for whose, message in self.received if whose == attempt]

    def end_of(self, attempt):
        """Waits for an attempt's terminal message and returns all of its messages."""
        self.until(lambda _: any(message["type"] in TERMINAL_TYPES for message in self.messages(attempt)))
        return self.messages(attempt)

    def started(self, attempt):
        """Waits until the worker has said its process number, and returns that message."""
        self.until(lambda _: self.messages(attempt))
        return self.messages(attempt)[0]

    def log(self, trial_id=1):
        return (self.logs / f"trial-{trial_id}.log").read_text("utf-8")


@pytest.fixture
def make_driver(tmp_path):
    drivers = []

    def make(*args, **options):
        drivers.append(Driver(tmp_path, *args, **options))
        return drivers[-1]

    yield make
    for driver in drivers:
        driver.executor.close()


@pytest.fixture
def driver(make_driver):
    return make_driver()


@pytest.fixture
def mark():
    """A value that every process of a test carries in its environment."""
    return uuid.uuid4().hex
