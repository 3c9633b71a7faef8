"""The SQLite database of a home: its tables, its format number, and how it is opened.

A home carries its format number in a file of its own, so that a home of a newer pedl is refused before its database
is opened: opening alone can write. WAL with `synchronous=FULL` makes a commit durable when it returns.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pedl.errors import StoreError
from pedl.files import write_synced
from pedl.points import point

FORMAT = 1
"""The format of homes that this pedl writes; it reads this one and no other."""

_TABLES = (
    """
CREATE TABLE IF NOT EXISTS experiments (
  id INTEGER PRIMARY KEY AUTOINCREMENT,     -- never used twice, not even after a delete
  created_at TEXT NOT NULL,                 -- UTC, ISO 8601
  summary TEXT NOT NULL                     -- JSON; what a listing shows, so that it need not read the events
)""",
    """
CREATE TABLE IF NOT EXISTS events (
  experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,                -- from 1, without gaps
  kind TEXT NOT NULL,
  trial_id INTEGER,                         -- NULL: about the experiment
  payload TEXT NOT NULL,                    -- JSON
  recorded_at TEXT NOT NULL,                -- UTC, ISO 8601; shown, never decided by
  PRIMARY KEY (experiment_id, sequence)
) WITHOUT ROWID""",
    """
CREATE TABLE IF NOT EXISTS requests (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  experiment_id INTEGER NOT NULL REFERENCES experiments (id) ON DELETE CASCADE,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL
)""",
)


def database_file(home: Path) -> Path:
    return home / "pedl.db"


def format_file(home: Path) -> Path:
    return home / "format"


def check_format(home: Path) -> None:
    """Refuses a home that this pedl does not understand, without touching it.

    Raises:
      StoreError: if the format number is unreadable or another one than `FORMAT`.
    """
    path = format_file(home)
    text = path.read_text().strip() if path.exists() else ""
    if text == str(FORMAT):
        return
    if text.isdigit() and int(text) > FORMAT:
        raise StoreError(
            f"{home} was written by a newer pedl: its format is {text}, this pedl reads {FORMAT}.\n"
            "Nothing was changed. Update pedl, or choose another home with --home, or home= in Python."
        )
    raise StoreError(
        f"{home} is not a home of pedl: {path} holds {text!r}, expected {FORMAT}. Nothing was changed.\n"
        "Choose another home with --home, or home= in Python."
    )


def prepare(home: Path) -> None:
    """Makes `home` and its tables where they do not exist yet; a home that is there is only checked."""
    if not database_file(home).exists():
        try:
            home.mkdir(parents=True, exist_ok=True)
            if not format_file(home).exists():
                write_synced(format_file(home), f"{FORMAT}\n".encode())
        except OSError as error:
            raise StoreError(
                f"{home} cannot be made a home of pedl: {error.strerror}.\n"
                "Choose another place with --home, or home= in Python."
            ) from error
    check_format(home)
    with connect(home, create=True) as connection:
        connection.execute("PRAGMA journal_mode = WAL")  # kept by the file from then on
        with transaction(connection, "home.tables"):
            for table in _TABLES:
                connection.execute(table)


def has_tables(home: Path) -> bool:
    """Tells whether a database has its tables: it is empty while it is made, and stays so if its maker dies then."""
    with connect(home) as connection:
        return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'experiments'").fetchone() is not None


@contextmanager
def connect(home: Path, create: bool = False) -> Iterator[sqlite3.Connection]:
    """Opens the database for the length of a `with`; transactions are begun and committed by name.

    Raises:
      StoreError: if the database cannot be opened, read or written (the reason is SQLite's).
    """
    mode = "rwc" if create else "rw"
    if not create and _is_read_only(home):
        mode = "ro&immutable=1"  # without it SQLite wants to make files even for reading
    try:
        uri = f"{database_file(home).absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=60.0, isolation_level=None)
        try:
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(
            f"{database_file(home)}: {error}.\n"
            "Is the disk full, the directory read-only, or on a network file system? What was committed is safe."
        ) from error


def _is_read_only(home: Path) -> bool:
    """Whether nobody can write here, and nothing waits in a log of SQLite's that only a writer could take in."""
    log = database_file(home).with_name(f"{database_file(home).name}-wal")
    return home.is_dir() and not os.access(home, os.W_OK) and not (log.exists() and log.stat().st_size)


@contextmanager
def transaction(connection: sqlite3.Connection, name: str = "store.commit") -> Iterator[None]:
    """All statements of the `with` become durable together, or none does; `name` is the crash point of the commit."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    with point(name):
        connection.execute("COMMIT")
