"""How long workers stood still because a decision hung on results that were not there yet.

A report for people: the clock decides nothing. Workers that are free because nothing is left to do do not count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stalls:
    """Adds up the seconds of all workers that stood still.

    Args:
      clock: returns seconds; only differences matter.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.waited_s = 0.0

    @contextmanager
    def watching(self, idle: int, waiting: int) -> Iterator[None]:
        """Measures a stretch in which `idle` workers are free and `waiting` trials wait for a decision."""
        start = self._clock()
        try:
            yield
        finally:
            self.waited_s += min(idle, waiting) * (self._clock() - start)
