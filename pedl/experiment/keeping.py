"""The checkpoints of an experiment that is being run: which files lie where, and which of them is gone on from.

The home holds each checkpoint first. With a storage, what is kept is copied there, and the home keeps only what it
needs to go on at once: the newest of each trial that is not over, and what is not copied yet. Files go only after the
event that says so is durable; what a crash leaves behind is tidied up by the next master.
"""

from __future__ import annotations

from collections.abc import Iterator

from pedl.errors import CheckpointError, PedlError
from pedl.experiment.copying import Copier
from pedl.experiment.fold import ExperimentState
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import Draft, ExperimentPaths
from pedl.store.checkpoints import remove_checkpoint, remove_litter, verify_checkpoint
from pedl.store.storage import Storage

Deleted = list[tuple[TrialState, Payload]]


class Keeper:
    """Keeps the files of checkpoints as the events say."""

    def __init__(self, paths: ExperimentPaths, storage: Storage | None) -> None:
        self._paths = paths
        self._storage = storage
        self._copier = None if storage is None else Copier(storage)
        self._tried: set[str] = set()
        self._told: set[tuple[int, str]] = set()
        self._at_home: dict[int, set[str]] = {}

    def tidy_up(self, state: ExperimentState) -> None:
        """Removes what no event tells of, here and in the storage. No worker may be running."""
        for trial in state.trials.values():
            self._at_home[trial.id] = {kept["uuid"] for kept in _wanted_at_home(trial)}
            remove_litter(self._paths, trial.id, self._at_home[trial.id])
        if self._storage is not None and self._copier is not None:
            known = {(trial.id, kept["uuid"]) for trial in state.trials.values() for kept in trial.checkpoints}
            for trial_id, uuid in sorted(self._storage.found() - known):
                self._copier.remove(trial_id, uuid)
        self.carry_out(state, [])

    def carry_out(self, state: ExperimentState, deleted: Deleted) -> None:
        """Does to the files what has become durable: those of `deleted` go, and what is new is handed over."""
        for trial, kept in deleted:
            remove_checkpoint(self._paths, trial.id, kept["uuid"])
            if self._copier is not None and (kept.get("stored") or kept["uuid"] in self._tried):
                self._copier.remove(trial.id, kept["uuid"])
        if self._copier is None:
            return
        for trial in state.trials.values():
            for kept in trial.checkpoints:
                if not kept.get("stored") and kept["uuid"] not in self._tried:
                    self._tried.add(kept["uuid"])
                    source = self._paths.checkpoint(trial.id, kept["uuid"])
                    self._copier.copy(trial.id, kept["uuid"], source, kept["sha256"])
            self._leave_home(trial)

    def busy(self, uuid: str) -> bool:
        """Whether a checkpoint is being copied, and must stay for so long."""
        return self._copier is not None and uuid in self._copier.copying

    @property
    def unfinished(self) -> bool:
        """Whether the storage has something to do."""
        return self._copier is not None and self._copier.unfinished > 0

    def news(self, timeout_s: float) -> list[Draft]:
        """Returns events about copies that ended, each trouble once; waits for the first at most so long."""
        events: list[Draft] = []
        for trial_id, uuid, trouble in [] if self._copier is None else self._copier.ended(timeout_s):
            if trouble is None:
                events.append(("checkpoint_stored", trial_id, {"uuid": uuid}))
            elif (trial_id, trouble) not in self._told:
                self._told.add((trial_id, trouble))
                message = f"a checkpoint was not copied and stays in the home: {trouble}"
                events.append(("warning", trial_id, {"message": message}))
        return events

    def resumable(self, trial: TrialState) -> Iterator[tuple[Payload, str | None]]:
        """Yields a trial's checkpoints, newest first, each with what is wrong with it; fetches what is not here."""
        for kept in reversed(trial.checkpoints):
            path = self._paths.checkpoint(trial.id, kept["uuid"])
            trouble = None
            try:
                verify_checkpoint(path, kept["sha256"])
            except CheckpointError as error:
                trouble = str(error)
            if trouble is not None and kept.get("stored") and self._storage is not None:
                try:
                    self._storage.get(trial.id, kept["uuid"], path, kept["sha256"])
                    trouble = None
                except PedlError as error:
                    trouble = f"{trouble}; {error}"
            yield kept, trouble

    def _leave_home(self, trial: TrialState) -> None:
        wanted = {kept["uuid"] for kept in _wanted_at_home(trial)}
        for uuid in self._at_home.get(trial.id, set()) - wanted:
            remove_checkpoint(self._paths, trial.id, uuid)
        self._at_home[trial.id] = wanted


def _wanted_at_home(trial: TrialState) -> list[Payload]:
    newest = [] if trial.over else trial.checkpoints[-1:]
    return [kept for kept in trial.checkpoints if not kept.get("stored")] + newest
