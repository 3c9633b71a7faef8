"""Copies checkpoints to the experiment's storage in a thread of its own, one job after the other.

The master hands over jobs, and looks now and then at what has become of them. It waits for a network in one case
only: to fetch a checkpoint that a trial goes on from and that does not lie whole in the home.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

from pedl.store.storage import Storage


class Copier:
    """Jobs for a storage, carried out in the order in which they came."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._jobs: queue.SimpleQueue[tuple[int, str, Callable[[], None]]] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[int, str, str | None]] = queue.SimpleQueue()
        self.copying: set[str] = set()
        """The uuids of copies that are under way."""
        self.unfinished = 0
        """Jobs whose end was not taken in yet."""
        # A daemon: a storage that never answers keeps no process alive.
        threading.Thread(target=self._work, daemon=True, name="pedl-copier").start()

    def copy(self, trial_id: int, uuid: str, source: Path, sha256: str) -> None:
        """Has a checkpoint copied that lies whole at `source`."""
        self.copying.add(uuid)
        self._hand_over(trial_id, uuid, partial(self._storage.put, trial_id, uuid, source, sha256))

    def remove(self, trial_id: int, uuid: str) -> None:
        """Has a copy removed."""
        self._hand_over(trial_id, uuid, partial(self._storage.remove, trial_id, uuid))

    def tidy_up(self, known: Collection[tuple[int, str]]) -> None:
        """Has everything removed but the copies of these (trial id, uuid), and those that are handed over later."""
        self._hand_over(0, "", partial(self._remove_unknown, frozenset(known)))

    def ended(self, timeout_s: float) -> list[tuple[int, str, str | None]]:
        """Returns (trial id, uuid, what went wrong or None) of copies that ended; waits for the first so long.

        Tidying up that went wrong has trial id 0.
        """
        ended: list[tuple[int, str, str | None]] = []
        while self.unfinished:
            try:
                done = self._done.get(block=timeout_s > 0 and not ended, timeout=timeout_s)
            except queue.Empty:
                break
            self.unfinished -= 1
            if done[1] in self.copying:
                self.copying.discard(done[1])
                ended.append(done)
            elif done[0] == 0 and done[2] is not None:
                ended.append(done)
        return ended

    def _hand_over(self, trial_id: int, uuid: str, job: Callable[[], None]) -> None:
        self.unfinished += 1
        self._jobs.put((trial_id, uuid, job))

    def _remove_unknown(self, known: frozenset[tuple[int, str]]) -> None:
        for trial_id, uuid in sorted(self._storage.found() - known):
            self._storage.remove(trial_id, uuid)

    def _work(self) -> None:
        while True:
            trial_id, uuid, job = self._jobs.get()
            trouble = None
            try:
                job()
            except Exception as error:  # told, whatever it is: the master waits for the end of each job
                trouble = str(error)
            self._done.put((trial_id, uuid, trouble))
