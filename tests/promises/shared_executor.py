"""One warm server for many experiments of a test: TensorFlow is loaded once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pedl.executor import Attempt, Executor, LocalExecutor


class SharedExecutor(Executor):
    """An executor, and the factory of it that experiments are given; they close it, and it stays.

    All workers have the environment of the first one that is asked for.

    Args:
      make: makes the executor that is shared.
    """

    def __init__(self, make: Callable[..., LocalExecutor] = LocalExecutor) -> None:
        self._make = make
        self._local: LocalExecutor | None = None
        self._log_path: Callable[[int], Path] = lambda trial_id: Path()

    def __call__(self, environment: dict[str, str], log_path: Callable[[int], Path]) -> Executor:
        self._log_path = log_path
        if self._local is None:
            self._local = self._make(environment, lambda trial_id: self._log_path(trial_id))
        return self

    def lend(self, descriptor: int) -> None:
        self._inner.lend(descriptor)

    def start(self, task: dict[str, Any]) -> Attempt:
        return self._inner.start(task)

    def poll(self, timeout_s: float | None) -> list[tuple[Attempt, dict[str, Any]]]:
        return self._inner.poll(timeout_s)

    def send(self, attempt: Attempt, message: dict[str, Any]) -> None:
        self._inner.send(attempt, message)

    def kill(self, attempt: Attempt) -> None:
        self._inner.kill(attempt)

    def close(self) -> None:
        if self._local is not None:
            self._local._lent_fd = None  # the master that lent it is gone, and its number may be another file's

    def close_for_good(self) -> None:
        if self._local is not None:
            self._local.close()

    @property
    def _inner(self) -> LocalExecutor:
        assert self._local is not None
        return self._local
