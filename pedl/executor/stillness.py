"""Noticing what stands still: a worker that was stopped, hangs in a read, or waits for something that never comes.

Two signs are looked for. *Life*: a thread of the worker says once a second that its process runs, so a process that was
stopped is known after `silent_s`. That thread is silent, too, while a call of C holds Python's lock, as `json.load`
does; so a silent process that computes, as the kernel says (where there is a /proc), is left alone. *Progress*: every
message of the training itself counts, and it says once a second how far it is, so a read that hangs in a process which
lives is known after `stalled_s`. That time must be longer than anything a trial does between two messages: an import,
loading the data, the first trace.

Time is counted by looks, and no look counts more than `LOOK_EVERY_S`: if it was the master that slept, or the whole
machine, or a clock that jumped, nobody is blamed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass

from pedl.errors import InputError

SILENT_S = 60.0
"""Seconds without a sign of life after which a process is given up; the variable PEDL_SILENT_S says otherwise."""

STALLED_S = 1800.0
"""Seconds without progress after which a worker is given up; the variable PEDL_STALLED_S says otherwise."""

LOOK_EVERY_S = 1.0

COMPUTES = 0.05
"""The part of its silence that a process must have computed to live; threads that wait for Python's lock take less."""


@dataclass(frozen=True)
class Patience:
    """How long a worker may stand still, in seconds."""

    silent_s: float = SILENT_S
    stalled_s: float = STALLED_S

    @staticmethod
    def asked_for() -> Patience:
        """Returns what PEDL_SILENT_S and PEDL_STALLED_S of this process say, or the defaults.

        Raises:
          InputError: if one of them is no number of seconds above 0.
        """
        return Patience(_seconds("PEDL_SILENT_S", SILENT_S), _seconds("PEDL_STALLED_S", STALLED_S))


def _seconds(name: str, default: float) -> float:
    text = os.environ.get(name)
    if text is None:
        return default
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not seconds > 0:  # nor is NaN
        raise InputError(f"{name}: found {text!r}, expected a number of seconds above 0, such as {2 * default:g}.")
    return seconds


class Clock:
    """Tells how long it is since the last look, as far as it counts."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def look(self) -> float:
        now = time.monotonic()
        passed, self._last = now - self._last, now
        return min(passed, LOOK_EVERY_S)


class Stillness:
    """How long one process has stood still."""

    def __init__(self) -> None:
        self._silent_s = 0.0
        self._stalled_s = 0.0
        self._computed: tuple[float, float] | None = None
        """Soon after it fell silent: for how long it was, and the seconds it had computed by then."""

    def lives(self) -> None:
        self._silent_s = 0.0
        self._computed = None

    def moves(self) -> None:
        self.lives()
        self._stalled_s = 0.0

    def passes(self, seconds: float) -> None:
        self._silent_s += seconds
        self._stalled_s += seconds

    def too_long(self, patience: Patience, cpu_s: Callable[[], float | None] = lambda: None) -> str | None:
        """Returns why the process is to be given up, or None.

        Args:
          cpu_s: says how long the process has computed, in seconds; None: nobody knows.
        """
        if self._silent_s > LOOK_EVERY_S and self._computed is None:
            computed = cpu_s()
            self._computed = None if computed is None else (self._silent_s, computed)
        if self._silent_s > patience.silent_s and not self._computes(cpu_s):
            return f"it stood still: no sign of life for {patience.silent_s:g} seconds (PEDL_SILENT_S)"
        if self._stalled_s > patience.stalled_s:
            return f"it stood still: no progress for {patience.stalled_s:g} seconds (PEDL_STALLED_S)"
        return None

    def _computes(self, cpu_s: Callable[[], float | None]) -> bool:
        now = cpu_s()
        if now is None or self._computed is None:
            return False
        silent_s, before = self._computed
        if now - before < COMPUTES * (self._silent_s - silent_s) or now == before:
            return False
        self.lives()
        return True
