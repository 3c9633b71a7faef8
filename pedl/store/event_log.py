"""The events of one experiment: what happened, in the order in which it became known, never changed.

Events that are appended together become durable together, along with the summary that a listing shows.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pedl import jsontext
from pedl.store.database import transaction

Draft = tuple[str, int | None, dict[str, Any]]
"""An event that is not recorded yet: kind, trial id or None, payload."""


@dataclass(frozen=True)
class Event:
    """Something that happened: `kind`, to trial `trial_id` (None: to the experiment), in plain JSON `payload`."""

    sequence: int
    kind: str
    trial_id: int | None
    payload: dict[str, Any]
    recorded_at: str


@dataclass(frozen=True)
class Request:
    """Something that another terminal asks of the process that runs an experiment."""

    id: int
    kind: str
    payload: dict[str, Any]


class EventLog:
    """The events of one experiment, open for appending."""

    def __init__(self, connection: sqlite3.Connection, experiment_id: int) -> None:
        self._connection = connection
        self._experiment_id = experiment_id

    def events(self) -> list[Event]:
        return read_events(self._connection, self._experiment_id)

    def requests(self) -> list[Request]:
        """Returns the requests that wait, in the order in which they were made."""
        rows = self._connection.execute(
            "SELECT id, kind, payload FROM requests WHERE experiment_id = ? ORDER BY id", (self._experiment_id,)
        )
        return [Request(row[0], row[1], json.loads(row[2])) for row in rows]

    def append(self, drafts: Sequence[Draft], summary: dict[str, Any], answered: Sequence[Request] = ()) -> None:
        """Appends events, renews the summary and takes away answered requests: durable, together, on return."""
        with transaction(self._connection):
            for request in answered:
                self._connection.execute("DELETE FROM requests WHERE id = ?", (request.id,))
            append_events(self._connection, self._experiment_id, drafts, summary, utc_now())


def append_events(
    connection: sqlite3.Connection, experiment_id: int, drafts: Sequence[Draft], summary: dict[str, Any], now: str
) -> None:
    """Adds events after the last one and renews the summary, within the caller's transaction."""
    (last,) = connection.execute(
        "SELECT COALESCE(MAX(sequence), 0) FROM events WHERE experiment_id = ?", (experiment_id,)
    ).fetchone()
    rows = [
        (experiment_id, last + number, kind, trial_id, jsontext.dumps(payload), now)
        for number, (kind, trial_id, payload) in enumerate(drafts, start=1)
    ]
    connection.executemany(
        "INSERT INTO events (experiment_id, sequence, kind, trial_id, payload, recorded_at) VALUES (?, ?, ?, ?, ?, ?)",
        rows,
    )
    connection.execute("UPDATE experiments SET summary = ? WHERE id = ?", (jsontext.dumps(summary), experiment_id))


def read_events(connection: sqlite3.Connection, experiment_id: int, after: int = 0) -> list[Event]:
    """Returns the events of an experiment whose sequence is beyond `after`, in order."""
    rows = connection.execute(
        "SELECT sequence, kind, trial_id, payload, recorded_at FROM events "
        "WHERE experiment_id = ? AND sequence > ? ORDER BY sequence",
        (experiment_id, after),
    )
    return [Event(row[0], row[1], row[2], json.loads(row[3]), row[4]) for row in rows]


def utc_now() -> str:
    """Returns the time as it is shown to people; nothing decides by it."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
