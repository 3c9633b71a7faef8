"""Noticing what stands still: a worker that was stopped, hangs in a read, or waits for something that never comes.

Two signs are looked for. *Life*: a thread of the worker says once a second that its process runs, so a process that
was stopped is known after `silent_s`. *Progress*: every message of the training itself counts, and it says once a
second how far it is, so a read that hangs in a process which lives is known after `stalled_s`. That time must be longer
than anything a trial does between two messages: an import, loading the data, the first trace.

Time is counted by looks, and no look counts more than `MOST_PER_LOOK_S`: if it was the master that slept, or the whole
machine, or a clock that jumped, nobody is blamed.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

SILENT_S = 60.0
"""Seconds without a sign of life after which a process is given up."""

STALLED_S = 1800.0
"""Seconds without progress after which a worker is given up; the variable PEDL_STALLED_S says otherwise."""

LOOK_EVERY_S = 1.0
MOST_PER_LOOK_S = 5.0


@dataclass(frozen=True)
class Patience:
    """How long a worker may stand still, in seconds."""

    silent_s: float = SILENT_S
    stalled_s: float = STALLED_S

    @staticmethod
    def asked_for() -> Patience:
        """Returns what PEDL_SILENT_S and PEDL_STALLED_S of this process say, or the defaults."""
        return Patience(
            float(os.environ.get("PEDL_SILENT_S", SILENT_S)), float(os.environ.get("PEDL_STALLED_S", STALLED_S))
        )


class Clock:
    """Tells how long it is since the last look, as far as it counts."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def look(self) -> float:
        now = time.monotonic()
        passed, self._last = now - self._last, now
        return min(passed, MOST_PER_LOOK_S)


class Stillness:
    """How long one process has stood still."""

    def __init__(self) -> None:
        self._silent_s = 0.0
        self._stalled_s = 0.0

    def lives(self) -> None:
        self._silent_s = 0.0

    def moves(self) -> None:
        self._silent_s = self._stalled_s = 0.0

    def passes(self, seconds: float) -> None:
        self._silent_s += seconds
        self._stalled_s += seconds

    def too_long(self, patience: Patience) -> str | None:
        """Returns why the process is to be given up, or None."""
        if self._silent_s > patience.silent_s:
            return f"it stood still: no sign of life for {patience.silent_s:g} seconds"
        if self._stalled_s > patience.stalled_s:
            return f"it stood still: no progress for {patience.stalled_s:g} seconds (PEDL_STALLED_S)"
        return None
