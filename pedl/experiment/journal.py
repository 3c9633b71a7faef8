"""The pen of the master: what it records is taken in at once, and made durable before it is acted on.

`record` changes the state in memory and queues the event, together with the decisions of the search that follow from
it. `commit` makes everything queued durable in one transaction. Between the two, nothing may reach the world outside:
no task starts and no file goes. If a commit fails, the master ends, and its state with it.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

from pedl import jsontext
from pedl.errors import PedlError
from pedl.experiment.decisions import Decisions
from pedl.experiment.describe import summary
from pedl.experiment.fold import ExperimentState, fold
from pedl.experiment.ranking import Standing
from pedl.store import Draft, Event, EventLog, Request

_NOT_IN_SUMMARY = frozenset({"started", "step", "checkpoint", "checkpoint_deleted", "checkpoint_stored", "warning"})
"""The kinds of event that leave a listing as it is: most of them."""


class Journal:
    """The state of an experiment that is being run, and its event log, open for appending."""

    def __init__(self, log: EventLog, events: Sequence[Event], decisions: Decisions) -> None:
        self.state: ExperimentState = fold(events)
        self._log = log
        self._decisions = decisions
        self._queue: list[Draft] = []
        self._standing = Standing(self.state)
        self._summary = summary(self.state, self._standing)
        self._changed: set[int] = set()
        self._decide(decisions.catch_up(events))

    @property
    def search_finished(self) -> bool:
        return self._decisions.finished

    @property
    def search_waits_for(self) -> int:
        """How many trials hang on results of others."""
        return self._decisions.waiting

    @property
    def changed(self) -> Set[int]:
        """The trials that something was recorded of since the last commit."""
        return self._changed

    def record(self, kind: str, trial_id: int | None, payload: dict[str, Any]) -> None:
        """Takes in an event, and what the search decides on it.

        Raises:
          PedlError: if the search cannot decide; what was recorded is durable then.
        """
        payload = self._take_in(kind, trial_id, payload)
        if trial_id is not None:
            try:
                drafts = self._decisions.after(kind, self.state, self.state.trials[trial_id], payload)
            except PedlError:
                self.commit()  # a result counts without its decision, which is made by whoever goes on
                raise
            self._decide(drafts)

    def requests(self) -> list[Request]:
        """Returns what other terminals ask for."""
        return self._log.requests()

    def commit(self, answered: Sequence[Request] = ()) -> set[int] | None:
        """Makes durable what was recorded since the last commit; returns the trials it is about, or None: nothing."""
        if not self._queue and not answered:
            return None
        if any(kind not in _NOT_IN_SUMMARY for kind, _, _ in self._queue):
            self._standing.update(self._changed)
            self._summary = summary(self.state, self._standing)
        self._log.append(self._queue, self._summary, answered)
        self._queue = []
        changed, self._changed = self._changed, set()
        return changed

    def _decide(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            self._take_in(*draft)

    def _take_in(self, kind: str, trial_id: int | None, payload: dict[str, Any]) -> dict[str, Any]:
        # As a reader of the log will get it: the state in memory is the fold, exactly.
        payload = jsontext.canonical(payload)
        self.state.apply(kind, trial_id, payload)
        self._queue.append((kind, trial_id, payload))
        if trial_id is not None:
            self._changed.add(trial_id)
        return payload
