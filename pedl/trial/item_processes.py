"""The processes of a `PyDataset` with `use_multiprocessing`: batches made in parallel, delivered in order.

A process that has computed with TensorFlow must not be forked, and a data set need not survive being sent. So each item
process is a new interpreter that makes the trial and its data loaders again, from the same task: same code,
hyperparameters and seed, hence the same data set. A batch depends on its place alone, so no bit depends on who makes
it.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from multiprocessing.connection import Connection
from typing import Any

import keras

from pedl.errors import TrialDefinitionError
from pedl.python import python_command
from pedl.trial.sequences import SequenceSource
from pedl.trial.tracked import TrackedGenerators


class ProcessSequenceSource(SequenceSource):
    """A `SequenceSource` whose batches are made by `dataset.workers` processes, started at the first need.

    Args:
      task: what the trial was started from.
    """

    _AHEAD = 2
    """Batches that each process is asked for before the first is taken."""

    def __init__(
        self,
        dataset: keras.utils.PyDataset,
        trial_seed: int,
        role: str,
        where: str,
        generators: TrackedGenerators,
        task: dict[str, Any],
    ) -> None:
        super().__init__(dataset, trial_seed, role, where, generators)
        self._count = int(dataset.workers)
        self._task = task
        self._processes: list[_ItemProcess] = []

    def go_to(self, number: int) -> None:
        """Does nothing: hooks are called in the item processes alone, which begin at the first epoch."""

    def batches(self, start: int, count: int) -> Iterator[tuple[Any, ...]]:
        if not self._processes:
            self._processes = [_ItemProcess(self._task, self._role, self._where) for _ in range(self._count)]
        asked = start
        for number in range(start, start + count):
            while asked < min(number + self._AHEAD * self._count, start + count):
                self._processes[asked % self._count].ask(asked)
                asked += 1
            yield self._processes[number % self._count].take()

    def close(self) -> None:
        for process in self._processes:
            process.close()
        self._processes = []


class _ItemProcess:
    """One item process, seen from the trial: numbers go out, batches come in, in the same order."""

    def __init__(self, task: dict[str, Any], role: str, where: str) -> None:
        self._where = where
        ours, theirs = socket.socketpair()
        with theirs:
            command = python_command("from pedl.trial.item_worker import main; main()", str(theirs.fileno()))
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
        self._connection = Connection(ours.detach())
        self._connection.send_bytes(json.dumps({"task": task, "role": role}).encode())

    def ask(self, number: int) -> None:
        """Asks for a batch; does not wait.

        Raises:
          TrialDefinitionError: that the process has died.
        """
        with self._alive():
            self._connection.send(number)

    def take(self) -> tuple[Any, ...]:
        """Returns the next batch asked for.

        Raises:
          TrialDefinitionError: what making it raised, or that the process has died.
        """
        with self._alive():
            batch = self._connection.recv()
        if isinstance(batch, str):
            raise TrialDefinitionError(batch)
        assert isinstance(batch, tuple)
        return batch

    @contextlib.contextmanager
    def _alive(self) -> Iterator[None]:
        try:
            yield
        except (EOFError, ConnectionError):  # the latter, if it died before it read all that it was asked
            code = self._process.wait()
            raise TrialDefinitionError(
                f"a process that makes batches of {self._where} ended with exit code {code}. Its last words are in the "
                "trial's log; with use_multiprocessing=False the error shows where it happens."
            ) from None

    def close(self) -> None:
        """Ends the process."""
        self._connection.close()
        self._process.kill()
        self._process.wait()
