"""A home: the directory that keeps experiments, and what happened in each of them.

What happened is a list of *events*, appended by the one process that holds the experiment's lock and never changed.
Events that are appended together become durable together. Beside them lie a *summary* of each experiment, renewed in
the same transaction, so that a listing reads one row each, and the *requests* that other terminals leave for the
process that runs an experiment. The store keeps events; what they mean is said in `pedl.experiment`.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection
from typing import Any

from pedl import jsontext
from pedl.errors import StoreError
from pedl.files import sync_directory
from pedl.numbered import numbered
from pedl.points import point
from pedl.store import database
from pedl.store.event_log import Draft, Event, EventLog, append_events, read_events, utc_now
from pedl.store.lock import hold, is_held
from pedl.store.paths import ExperimentPaths, tensorboard_directory

_LARGEST_ID = 2**63 - 1
"""SQLite compares with no larger number."""


class Home:
    """The experiments below `path`. Reading a home that does not exist finds nothing and creates nothing.

    Attributes:
      path: absolute.
      named: the path as it was handed over, for commands that people type next.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.named = str(path)

    def is_there(self) -> bool:
        """Tells whether the home exists.

        Raises:
          StoreError: if it was written by a newer pedl, or is something else.
        """
        database_exists = database.database_file(self.path).exists()
        if database_exists or database.format_file(self.path).exists():
            database.check_format(self.path)
        return database_exists and database.has_tables(self.path)

    @property
    def tensorboard(self) -> Path:
        """The directory of all experiments' results for TensorBoard."""
        return tensorboard_directory(self.path)

    def paths(self, experiment_id: int) -> ExperimentPaths:
        return ExperimentPaths(self.path, experiment_id)

    def create(
        self, place_files: Callable[[ExperimentPaths], None], drafts: Sequence[Draft], summary: dict[str, Any]
    ) -> int:
        """Creates an experiment and returns its id: all of it, or, should anything fail, nothing.

        Args:
          place_files: puts the experiment's files below the directory it is given, and syncs them.
          drafts: the first events.
          summary: plain JSON.

        Raises:
          StoreError: if this is not a home that can be written.
        """
        database.prepare(self.path)
        with self.aside() as aside:
            # Before the transaction: nobody else can commit in it, and there may be much to copy.
            with point("home.place"):
                place_files(aside)
            sync_directory(aside.root)
            with database.connect(self.path) as connection, database.transaction(connection):
                return self._insert(connection, aside, drafts, summary)

    def _insert(
        self, connection: Connection, aside: ExperimentPaths, drafts: Sequence[Draft], summary: dict[str, Any]
    ) -> int:
        now = utc_now()
        row = connection.execute("INSERT INTO experiments (created_at, summary) VALUES (?, '{}')", (now,))
        experiment_id = int(row.lastrowid or 0)
        root = self.paths(experiment_id).root
        # Left by a creation that was cut off: no row ever named it.
        shutil.rmtree(root, ignore_errors=True)
        try:
            aside.root.rename(root)
            sync_directory(root.parent)
            append_events(connection, experiment_id, drafts, summary, now)
        except BaseException:
            shutil.rmtree(root, ignore_errors=True)
            raise
        return experiment_id

    @contextmanager
    def aside(self) -> Iterator[ExperimentPaths]:
        """Makes a directory for the files of an experiment that has no number yet, and removes what is left of it."""
        paths = ExperimentPaths(self.path, f".new-{uuid.uuid4()}")
        paths.root.parent.mkdir(exist_ok=True)
        for lock_file in paths.root.parent.glob(".new-*.lock"):
            if not is_held(lock_file):  # whoever made it died
                shutil.rmtree(lock_file.with_suffix(""), ignore_errors=True)
                lock_file.unlink(missing_ok=True)
        lock_file = paths.root.with_name(f"{paths.root.name}.lock")
        try:
            with hold(lock_file, "A new experiment"):
                paths.root.mkdir()
                yield paths
        finally:
            shutil.rmtree(paths.root, ignore_errors=True)
            lock_file.unlink(missing_ok=True)

    def summaries(self) -> list[dict[str, Any]]:
        """Returns the summary of every experiment with its `id` and `created_at`, by id."""
        if not self.is_there():
            return []
        with database.connect(self.path) as connection:
            rows = connection.execute("SELECT id, created_at, summary FROM experiments ORDER BY id").fetchall()
        return [{"id": row[0], "created_at": row[1], **json.loads(row[2])} for row in rows]

    def summary(self, experiment_id: int) -> dict[str, Any]:
        """Returns the summary of an experiment; it is what its events amount to, and costs one row.

        Raises:
          StoreError: if there is no such experiment; the message lists the ids that exist.
        """
        self.require(experiment_id)
        with database.connect(self.path) as connection:
            row = connection.execute("SELECT summary FROM experiments WHERE id = ?", (experiment_id,)).fetchone()
        if row is None:
            self.require(experiment_id)  # deleted since
        found: dict[str, Any] = json.loads(row[0])
        return found

    def beginnings(self) -> dict[int, dict[str, Any]]:
        """Returns the payload of the first event of every experiment, by id; reads no other events."""
        if not self.is_there():
            return {}
        with database.connect(self.path) as connection:
            rows = connection.execute(
                "SELECT id, payload FROM experiments JOIN events ON experiment_id = id AND sequence = 1 ORDER BY id"
            ).fetchall()
        return {row[0]: json.loads(row[1]) for row in rows}

    def require(self, experiment_id: int) -> None:
        """Does nothing if there is such an experiment.

        Raises:
          StoreError: if there is none; the message lists the ids that exist.
        """
        ids: list[int] = []
        if self.is_there():
            with database.connect(self.path) as connection:
                known = "SELECT 1 FROM experiments WHERE id = ?"
                if experiment_id <= _LARGEST_ID and connection.execute(known, (experiment_id,)).fetchone():
                    return
                ids = [row[0] for row in connection.execute("SELECT id FROM experiments ORDER BY id")]
        there = f"It holds experiment{'s' * (len(ids) > 1)} {numbered(ids)}" if ids else "It holds no experiment"
        raise StoreError(
            f"There is no experiment {experiment_id} in {self.path}. {there}; choose another home with --home, "
            "or home= in Python."
        )

    def events(self, experiment_id: int, after: int = 0) -> list[Event]:
        """Returns the events of an experiment with a sequence beyond `after`, in the order in which they were appended.

        Raises:
          StoreError: if there is no such experiment; the message lists the ids that exist.
        """
        self.require(experiment_id)
        with database.connect(self.path) as connection:
            return read_events(connection, experiment_id, after)

    @contextmanager
    def open_log(self, experiment_id: int) -> Iterator[EventLog]:
        """Opens the event log for appending; the caller holds the experiment's lock.

        Raises:
          StoreError: if there is no such experiment.
        """
        self.require(experiment_id)
        with database.connect(self.path) as connection:
            yield EventLog(connection, experiment_id)

    def request(self, experiment_id: int, kind: str, payload: dict[str, Any], while_state: str | None = None) -> bool:
        """Leaves a request for the process that runs the experiment.

        Args:
          while_state: leave it only if the summary has this state when the request becomes durable.

        Returns:
          Whether it was left.
        """
        self.require(experiment_id)
        with database.connect(self.path) as connection, database.transaction(connection):
            if while_state is not None:
                row = connection.execute("SELECT summary FROM experiments WHERE id = ?", (experiment_id,)).fetchone()
                if row is None or json.loads(row[0])["state"] != while_state:
                    return False
            connection.execute(
                "INSERT INTO requests (experiment_id, kind, payload) VALUES (?, ?, ?)",
                (experiment_id, kind, jsontext.dumps(payload)),
            )
        return True

    def delete(self, experiment_id: int) -> None:
        """Deletes an experiment and its files for good; the caller holds the experiment's lock."""
        self.require(experiment_id)
        with database.connect(self.path) as connection, database.transaction(connection):
            connection.execute("DELETE FROM experiments WHERE id = ?", (experiment_id,))
        # The row goes first: files without a row are litter, a row without files would be a lie.
        with point("home.delete"):
            shutil.rmtree(self.paths(experiment_id).root, ignore_errors=True)
            shutil.rmtree(self.paths(experiment_id).tensorboard, ignore_errors=True)
