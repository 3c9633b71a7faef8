"""Signs of progress: a thread that says, once a second, how many batches are done, if there are more than before.

A step can take long, and so can a validation; whoever waits for this process must be able to tell a slow one from one
that hangs. The thread reads two numbers and changes nothing.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pedl.trial.run import Run

EVERY_S = 1.0


@contextmanager
def progress_told(send: Callable[[dict[str, Any]], None], run: Run) -> Iterator[None]:
    """Tells the progress of `run` for the length of a `with`: `{"type": "progress", "batches": 120}`."""
    over = threading.Event()

    def tell() -> None:
        before = (0, 0)
        while not over.wait(EVERY_S):
            now = (run.batches_done, run.batches_validated)
            if now != before:
                send({"type": "progress", "batches": now[0]})
            before = now

    teller = threading.Thread(target=tell, daemon=True, name="pedl-progress")
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()
