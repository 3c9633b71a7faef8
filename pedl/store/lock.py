"""One master per experiment: whoever runs or changes an experiment holds its lock.

The lock belongs to the open file, so the operating system gives it back when its holder dies, however it dies. It
is not inherited by the processes that the holder starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from pedl.errors import StoreError

# `is_held` takes a free lock for an instant; a master that starts in that instant must not be turned away.
PATIENCE_S = 1.0


class LockHeld(StoreError):
    """Somebody else holds the lock."""


@contextmanager
def hold(path: Path, what: str, patience_s: float | None = None) -> Iterator[None]:
    """Holds the lock at `path` for the length of a `with`.

    Args:
      path: of the lock file, in a directory that exists.
      what: names the thing that is locked in the error, such as "experiment 3".
      patience_s: how long to wait for it; None: `PATIENCE_S`.

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
            "Wait for it to end, or stop it with Ctrl-C in its own terminal, or with `pedl experiment pause`."
        ) from None
    except OSError as error:
        raise StoreError(
            f"{what} cannot be changed: {path}: {error.strerror}.\n"
            "Make the home writable, or copy it to a place that is, and name that with --home."
        ) from error
    try:
        yield
    finally:
        lock.release()


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
