"""A dead master's workers are gone before another master takes over.

They end by themselves, as a rule at once: the warm server kills them, the kernel does, and they look themselves. But a
process can be stopped, or busy in a call that lets nobody look; should it wake later, it would write where others have
gone on. So all workers hold a lock together, which their master lends them and which outlives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pedl.executor.processes import kill_named, still_run
from pedl.store import ExperimentPaths
from pedl.store.lock import hold, hold_together


@contextmanager
def alone(paths: ExperimentPaths, what: str) -> Iterator[int]:
    """Holds an experiment for the length of a `with`; nobody else runs it, and no worker of a dead master is left.

    Yields:
      The descriptor to lend to an executor.

    Raises:
      LockHeld: if another process holds it; if a dead master's worker cannot be ended.
      StoreError: if its lock files cannot be written.
    """
    with hold(paths.lock, what), hold_together(paths.workers_lock, what, kill_named, still_run) as descriptor:
        yield descriptor
