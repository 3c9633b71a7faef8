"""Waiting for what other threads and processes do, as long as a busy machine may take."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(holds: Callable[[], bool], within_s: float = 60.0) -> None:
    """Returns once `holds()`; fails if it does not within so many seconds."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.01)
