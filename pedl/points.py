"""Crash points: every write, sync, rename and send on which the promise of losing nothing rests has a name here.

    with point("checkpoint.rename"):
        partial.rename(final)

In production that is nothing. A test that sets `PEDL_CRASH` has the process kill itself (SIGKILL, as power loss or an
operator would) before or after the n-th time that a process passes a point:

    PEDL_CRASH="before checkpoint.rename 1 /tmp/marks; after store.commit 3 /tmp/marks"

Each order is carried out once: the process that dies leaves a mark in that directory, and those that have one live.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from types import TracebackType

VARIABLE = "PEDL_CRASH"

POINTS = (
    "definition.write", "definition.sync",
    "file.write", "file.sync", "file.rename", "file.sync-directory",
    "home.tables", "home.place", "home.delete",
    "store.commit",
    "master.start-task", "master.send", "master.kill", "master.remove-checkpoint",
    "storage.write.tensors.safetensors", "storage.write.state.json", "storage.remove",
    "server.fork", "server.tell",
    "worker.send.started", "worker.send.step", "worker.send.validation", "worker.send.checkpoint", "worker.send.done",
    "worker.send.paused",
    "checkpoint.write.tensors.safetensors", "checkpoint.write.state.json", "checkpoint.sync.tensors.safetensors",
    "checkpoint.sync.state.json", "checkpoint.sync-directory", "checkpoint.rename", "checkpoint.sync-parent",
)  # fmt: skip
"""All names. `worker.send.<type>` is that type of message; files are named where there are two."""

_NOTHING = nullcontext()
_orders = [order.split() for order in os.environ.get(VARIABLE, "").split(";") if order.strip()]
_passed: Counter[str] = Counter()


def point(name: str) -> AbstractContextManager[None]:
    """Returns a context for the action that is the point `name`, which does nothing unless a test says so."""
    return _Crashing(name) if _orders else _NOTHING


class _Crashing(AbstractContextManager[None]):
    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        _passed[self._name] += 1
        _obey("before", self._name)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _obey("after", self._name)


def _obey(when: str, name: str) -> None:
    for ordered_when, ordered_name, number, marks in _orders:
        if (ordered_when, ordered_name) == (when, name) and _passed[name] == int(number):
            mark = Path(marks) / f"{when} {name} {number}"
            if not mark.exists():
                mark.write_text(str(os.getpid()))
                os.kill(os.getpid(), signal.SIGKILL)
