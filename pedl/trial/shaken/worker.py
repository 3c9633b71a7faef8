"""Carries out an ordinary task in surroundings that the task asks for, and tells what the user's code asked the world.

The task has one entry more than others: `"shaking": {"disturb": {name: argument}, "watch": bool}`; the names are those
of `disturbing`. Everything is set before the trial comes to life, and then the ordinary worker does what it always
does: what is shaken is what trains. Before its last message comes `{"type": "met", "met": [...]}`, see `watching`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pedl.trial import worker
from pedl.trial.channel import Channel
from pedl.trial.shaken.disturbing import disturb
from pedl.trial.shaken.watching import Watch

_LAST = ("done", "paused", "failed", "restart")


def main(channel: Channel) -> None:
    """Disturbs, watches, and works."""
    shaking = channel.task["shaking"]
    disturb(shaking["disturb"])
    if shaking["watch"]:
        watch = Watch(Path(channel.task["definition"]))
        watch.set()
        worker.main(_Telling(channel, watch))
    else:
        worker.main(channel)


class _Telling:
    """A channel that tells what was met before the last message."""

    def __init__(self, channel: Channel, watch: Watch) -> None:
        self.task = channel.task
        self._channel = channel
        self._watch = watch

    def send(self, message: dict[str, Any]) -> None:
        if message["type"] in _LAST:
            self._channel.send({"type": "met", "met": self._watch.met()})
        self._channel.send(message)

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        return self._channel.receive(timeout_s)
