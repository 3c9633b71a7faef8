"""A dead master's workers are gone before another master takes over.

They end by themselves, as a rule at once: the warm server kills them, the kernel does, and they look themselves. But a
process can be stopped, or busy in a call that lets nobody look; should it wake later, it would write where others have
gone on. So all workers hold a lock together, which their master lends them and which outlives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

from pedl.display.words import command_line
from pedl.executor.processes import kill_named, still_run
from pedl.store import Home
from pedl.store.lock import hold, hold_together


def master_lock(home: Home, experiment_id: int, patience_s: float | None = None) -> AbstractContextManager[None]:
    """Holds the lock of an experiment's master for the length of a `with`; see `pedl.store.lock.hold`."""
    stop = command_line(home.named, f"experiment pause {experiment_id}")
    return hold(home.paths(experiment_id).lock, f"Experiment {experiment_id}", patience_s, stop)


@contextmanager
def alone(home: Home, experiment_id: int) -> Iterator[int]:
    """Holds an experiment for the length of a `with`; nobody else runs it, and no worker of a dead master is left.

    Yields:
      The descriptor to lend to an executor.

    Raises:
      LockHeld: if another process holds it; if a dead master's worker cannot be ended.
      StoreError: if its lock files cannot be written.
    """
    file, what = home.paths(experiment_id).workers_lock, f"Experiment {experiment_id}"
    with master_lock(home, experiment_id), hold_together(file, what, kill_named, still_run) as descriptor:
        yield descriptor
