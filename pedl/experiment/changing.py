"""Changing an experiment: recorded at once where nobody runs it, else asked of the process that does."""

from __future__ import annotations

import re
from typing import Any

from pedl.errors import InputError, StoreError
from pedl.experiment.asking import EVENTS, answers, ask
from pedl.experiment.describe import summary
from pedl.experiment.fold import ENDED, fold
from pedl.experiment.ranking import Standing
from pedl.experiment.running import experiment_storage
from pedl.experiment.taking_over import alone
from pedl.store import Draft, Home

_SURROGATE = re.compile("[\ud800-\udfff]")
"""What Python puts in the place of bytes that are no UTF-8; such a text can be written to no terminal and no page."""


def change(home: Home, experiment_id: int, kind: str, payload: dict[str, Any]) -> bool:
    """Has done what a request of this kind asks for.

    Args:
      kind: of `EVENTS`.

    Returns:
      Whether a process runs the experiment, and was asked; else it is done on return.

    Raises:
      StoreError: if there is no such experiment, or it is over already and to be canceled.
    """
    home.require(experiment_id)
    return ask(home, experiment_id, kind, payload, lambda: _record(home, experiment_id, EVENTS[kind], payload))


def relabel(home: Home, experiment_id: int, how: str, labels: list[str]) -> bool:
    """Changes labels, as `change` changes an experiment.

    Args:
      how: "labels": the experiment has these and no others; "add" or "remove": these are added or taken away, whatever
        labels it has by then.

    Raises:
      InputError: if the labels are none that a configuration could have.
    """
    if not isinstance(labels, list | tuple):
        raise InputError(f'Found {labels!r}, expected a list of labels, for example ["baseline"].')
    for it in labels:
        if not isinstance(it, str) or not it or _SURROGATE.search(it):
            raise InputError(f"A label cannot be {it!r}, expected a text in UTF-8 that is not empty.")
    return change(home, experiment_id, "label", {how: list(labels)})


def cancel(home: Home, experiment_id: int, at_once: bool) -> bool:
    """Ends an experiment for good, as `change` changes one; a process that runs it checkpoints first, or not."""
    state = fold(home.events(experiment_id)).state
    if state in ENDED:
        raise _over(experiment_id, state)
    return change(home, experiment_id, "kill" if at_once else "cancel", {})


def pause(home: Home, experiment_id: int) -> bool:
    """Asks the process that runs an experiment to checkpoint and pause; returns False if none runs it."""
    home.require(experiment_id)
    return ask(home, experiment_id, "pause", {}, lambda: None)


def delete(home: Home, experiment_id: int) -> None:
    """Deletes an experiment with its checkpoints and logs, for good, in its storage, too.

    Raises:
      StoreError: if a process runs it; if its storage cannot be reached (it is deleted here then).
    """
    created = home.events(experiment_id)[0].payload
    with alone(home, experiment_id):
        home.delete(experiment_id)
    storage = experiment_storage(created)
    if storage is not None:
        storage.remove_all()


def _record(home: Home, experiment_id: int, event: str, payload: dict[str, Any]) -> None:
    """Records an event of nobody's master, after what others asked for before."""
    with home.open_log(experiment_id) as log:
        state, requests = fold(log.events()), log.requests()
        drafts: list[Draft] = []
        for draft in answers(requests, state):
            state.apply(*draft)
            drafts.append(draft)
        over = event == "canceled" and state.state in ENDED
        if not over:
            state.apply(event, None, payload)
            drafts.append((event, None, payload))
        log.append(drafts, summary(state, Standing(state)), requests)
    if over:
        raise _over(experiment_id, state.state)


def _over(experiment_id: int, state: str) -> StoreError:
    return StoreError(f"Experiment {experiment_id} is over already: {state}.")
