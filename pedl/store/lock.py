"""One master per experiment: whoever runs or changes an experiment holds its lock.

The lock belongs to the open file, so the operating system gives it back when its holder dies, however it dies. It
is not inherited by the processes that the holder starts. What those hold as long as one of them lives is another lock,
`hold_together`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pedl.errors import StoreError

# `is_held` takes a free lock for an instant; a master that starts in that instant must not be turned away.
PATIENCE_S = 1.0

GONE_WITHIN_S = 10.0
"""How long processes that were killed may take to be gone."""


class LockHeld(StoreError):
    """Somebody else holds the lock."""


@contextmanager
def hold(path: Path, what: str, patience_s: float | None = None, stop: str | None = None) -> Iterator[None]:
    """Holds the lock at `path` for the length of a `with`.

    Args:
      path: of the lock file, in a directory that exists.
      what: names the thing that is locked in the error, such as "experiment 3".
      patience_s: how long to wait for it; None: `PATIENCE_S`.
      stop: the command that asks its holder to end, for the error; None: there is none.

    Raises:
      LockHeld: if another process (or another master in this process) holds it.
      StoreError: if the lock file cannot be written.
    """
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=PATIENCE_S if patience_s is None else patience_s, poll_interval=0.02)
    except Timeout:
        raise LockHeld(
            f"{what} is being run by another process, which holds {path}.\n"
            "Wait for it to end, or stop it with Ctrl-C in its own terminal"
            + (f", or from here with: {stop}" if stop else ".")
        ) from None
    except OSError as error:
        raise _unwritable(path, what, error) from error
    try:
        yield
    finally:
        lock.release()


@contextmanager
def hold_together(
    path: Path, what: str, end: Callable[[str], None], found: Callable[[str], list[int]]
) -> Iterator[int]:
    """Holds the lock at `path` with all processes that are lent its descriptor: it is free when the last one is gone.

    Processes that a dead holder has left behind are ended first.

    Args:
      path: of the lock file, in a directory that exists.
      what: names what the processes work on, in the error.
      end: is given what the file says, and ends the processes that it names.
      found: is given the same, and returns the process numbers of those that still run, for the error.

    Yields:
      The descriptor of the empty file, open for appending.

    Raises:
      LockHeld: if a process is still there `GONE_WITHIN_S` seconds later.
      StoreError: if the lock file cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise _unwritable(path, what, error) from error
    try:
        if not _lock(descriptor, 0):
            names = path.read_text()
            end(names)
            if not _lock(descriptor, GONE_WITHIN_S):
                left = ", ".join(map(str, found(names))) or f"one that a trial started and that has {path} open"
                raise LockHeld(
                    f"{what}: its master has died, and a process of its trials has not, though it was killed: {left}.\n"
                    "Nobody else may go on while it could still write. End it, or start the machine again; then repeat "
                    "this."
                )
        os.ftruncate(descriptor, 0)
        try:
            yield descriptor
        finally:  # for all that share the open file, if the holder's program has forked
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)


def _unwritable(path: Path, what: str, error: OSError) -> StoreError:
    return StoreError(
        f"{what} cannot be changed: {path}: {error.strerror}.\n"
        "Make the home writable, or copy it to a place that is, and name that with --home, or home= in Python."
    )


def is_held(path: Path) -> bool:
    """Tells whether somebody holds the lock at `path`; False where no such file exists (and makes none)."""
    if not path.exists():
        return False
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return True
    except OSError:
        return False  # it cannot be written here, and so nobody here runs it
    lock.release()
    return False
