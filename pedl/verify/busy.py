"""A machine that is kept busy for a while."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator

from pedl.python import python_command

_SPIN = "import os; p = os.getppid()\nwhile os.getppid() == p: pass"
"""Ends by itself when nobody is left who could end it."""

_MOST = 8


@contextlib.contextmanager
def busy(really: bool = True) -> Iterator[None]:
    """Keeps the cores busy for the length of a `with`, at most 8 of them; with False it does nothing."""
    count = min(os.cpu_count() or 1, _MOST) if really else 0
    spinning = [subprocess.Popen(python_command(_SPIN)) for _ in range(count)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()
