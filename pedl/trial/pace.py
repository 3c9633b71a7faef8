"""How many batches are trained before anybody can ask for a pause, or see progress."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Pace:
    """How many batches a call of the compiled loop is given: about half a second's. The clock moves no bit by it."""

    CALL_S = 0.5

    def __init__(self) -> None:
        self._batches = 8

    def at_most(self) -> int:
        """Returns the number of batches for the next call, at least 1."""
        return self._batches

    @contextmanager
    def timed(self, batches: int) -> Iterator[None]:
        """Learns from the time that a call with `batches` batches takes."""
        started = time.perf_counter()
        yield
        elapsed_s = max(time.perf_counter() - started, 1e-6)
        self._batches = max(1, min(int(batches * self.CALL_S / elapsed_s), 8 * self._batches, 10_000))
