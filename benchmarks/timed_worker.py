"""pedl's worker with a watch on what it does: prints to the trial's log how its seconds were spent, as JSON."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from contest import SECONDS

from pedl.executor.channel import Channel
from pedl.trial import training, worker
from pedl.trial.run import Run

_spent: Counter[str] = Counter()
_began: list[float] = []


def main(channel: Channel) -> None:
    """Does the channel's task. The watch runs from the first batch to the last message."""
    worker.main(channel)
    if _began:
        print(SECONDS + json.dumps({**_spent, "all": time.perf_counter() - _began[0]}), flush=True)


def _timed(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def timed(*arguments: Any, **named: Any) -> Any:
        began = time.perf_counter()
        if name == "train":
            _began.append(began)
        try:
            return method(*arguments, **named)
        finally:
            if _began:
                _spent[name] += time.perf_counter() - began

    return timed


Run.train = _timed("train", Run.train)
Run.save = _timed("save", Run.save)
Channel.send = _timed("send", Channel.send)
training._validated = _timed("validate", training._validated)
