"""What other terminals ask of an experiment: done at once where nobody runs it, else by the process that does.

No request is lost, and none is taken that nobody would read. Whoever asks tries to hold the experiment's lock: then it
acts itself. Else it leaves a request, but only while the experiment is recorded as ACTIVE: a master answers what was
left before its last event, and whoever comes after that event waits for the lock. What a master that died was asked
is done by the next holder of the lock, whether that is another master or not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pedl.experiment.fold import ENDED, ExperimentState
from pedl.experiment.taking_over import master_lock
from pedl.store import Draft, Home, Request
from pedl.store.lock import LockHeld

LOOK_S = 0.1
"""How long a lock must be held to be a master's, in seconds; `is_held` holds it for an instant."""

BEGINS_AND_ENDS_WITHIN_S = 30.0
"""How long a master may hold the lock before its first event and after its last one, in seconds."""

EVENTS = {"label": "labeled", "archive": "archived", "cancel": "canceled", "kill": "canceled"}
"""By the kind of a request, the event that it becomes where nobody runs the experiment; a pause becomes none."""


def ask(home: Home, experiment_id: int, kind: str, payload: dict[str, Any], act: Callable[[], None]) -> bool:
    """Calls `act` under the experiment's lock; or asks the process that runs the experiment.

    Returns:
      Whether a process runs it and was asked.

    Raises:
      StoreError: if a process holds the lock that neither runs the experiment nor ends; nothing was asked then.
    """
    deadline = time.monotonic() + BEGINS_AND_ENDS_WITHIN_S
    while True:
        try:
            with master_lock(home, experiment_id, LOOK_S):
                act()
                return False
        except LockHeld:
            if home.request(experiment_id, kind, payload, while_state="ACTIVE"):
                return True
            if time.monotonic() > deadline:
                raise


def answers(requests: Iterable[Request], state: ExperimentState) -> Iterator[Draft]:
    """Yields what becomes of requests once nothing runs; the caller takes each into `state` before the next.

    Who asked for a pause has it; who canceled what was over by then came too late.
    """
    for request in requests:
        event = EVENTS.get(request.kind)
        if event is not None and not (event == "canceled" and state.state in ENDED):
            yield event, None, {} if event == "canceled" else request.payload
