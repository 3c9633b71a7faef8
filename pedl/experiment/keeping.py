"""The checkpoints of an experiment that is being run: which files lie where, and which of them is gone on from.

The home holds each checkpoint first. With a storage, what is kept is copied there, and the home keeps only what it
needs to go on at once: the newest of each trial that is not over, what clones that are not over started from, and
what is not copied yet. Files go only after the event that says so is durable; what a crash leaves behind is tidied up
by the next master.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pedl.errors import CheckpointError
from pedl.experiment.copying import Copier
from pedl.experiment.fold import ExperimentState
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import Draft, ExperimentPaths
from pedl.store.checkpoints import remove_checkpoint, remove_litter, verify_checkpoint
from pedl.store.storage import Storage


class Keeper:
    """Keeps the files of checkpoints as the events say."""

    def __init__(self, paths: ExperimentPaths, storage: Storage | None) -> None:
        self._paths = paths
        self._storage = storage
        self._copier = None if storage is None else Copier(storage)
        self._handed_over: set[str] = set()
        self._told: set[tuple[int, str]] = set()
        self._known: dict[int, set[str]] = {}
        self._at_home: dict[int, set[str]] = {}

    def tidy_up(self, state: ExperimentState) -> None:
        """Removes what no event tells of, here and in the storage. No worker may be running."""
        for trial in state.trials.values():
            self.tidy_up_trial(trial)
        if self._copier is not None:
            self._copier.tidy_up(
                {(trial.id, kept["uuid"]) for trial in state.trials.values() for kept in trial.checkpoints}
            )
        self.carry_out(state.trials.values())

    def tidy_up_trial(self, trial: TrialState) -> None:
        """Removes what a dead worker of the trial left in the home. No worker of it may be running."""
        remove_litter(self._paths, trial.id, _wanted_at_home(trial))

    def carry_out(self, trials: Iterable[TrialState]) -> None:
        """Does to the files what has become durable: what is not kept any more goes, what is new is handed over.

        Args:
          trials: at least those that changed since the last time.
        """
        for trial in trials:
            self._remove(trial)
            self._hand_over(trial)

    def busy(self, uuid: str) -> bool:
        """Whether a checkpoint is being copied, and must stay for so long."""
        return self._copier is not None and uuid in self._copier.copying

    @property
    def unfinished(self) -> bool:
        """Whether the storage has something to do."""
        return self._copier is not None and self._copier.unfinished > 0

    def news(self, state: ExperimentState, timeout_s: float) -> list[Draft]:
        """Returns events about the storage's jobs that ended, each trouble once; waits at most so long."""
        events: list[Draft] = []
        for trial_id, uuid, trouble in [] if self._copier is None else self._copier.ended(timeout_s):
            if trial_id == 0:
                message = f"what is not kept any more may be left in the storage: {trouble}"
                if message not in state.messages:
                    events.append(("warning", None, {"message": message}))
                continue
            if uuid not in {kept["uuid"] for kept in state.trials[trial_id].checkpoints}:
                continue  # replaced while it was copied
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
            yield kept, self.trouble_with(trial.id, kept)

    def trouble_with(self, trial_id: int, kept: Payload) -> str | None:
        """Returns what is wrong with a checkpoint, after it was fetched if it was not here; None if it is whole.

        Raises:
          StoreError: if it would have to be fetched, and the storage cannot be reached: it may well be whole there.
        """
        path = self._paths.checkpoint(trial_id, kept["uuid"])
        try:
            verify_checkpoint(path, kept["sha256"])
            return None
        except CheckpointError as error:
            trouble = str(error)
        if not kept.get("stored") or self._storage is None:
            return trouble
        try:
            self._storage.get(trial_id, kept["uuid"], path, kept["sha256"])
            return None
        except CheckpointError as error:
            return f"{trouble}; {error}"

    def _remove(self, trial: TrialState) -> None:
        recorded = {kept["uuid"] for kept in trial.checkpoints}
        wanted = _wanted_at_home(trial)
        for uuid in sorted(self._at_home.get(trial.id, set()) - wanted):
            remove_checkpoint(self._paths, trial.id, uuid)
        for uuid in sorted(self._known.get(trial.id, set()) - recorded):
            if self._copier is not None:
                self._copier.remove(trial.id, uuid)
        self._at_home[trial.id], self._known[trial.id] = wanted, recorded

    def _hand_over(self, trial: TrialState) -> None:
        for kept in trial.checkpoints:
            if self._copier is not None and not kept.get("stored") and kept["uuid"] not in self._handed_over:
                self._handed_over.add(kept["uuid"])
                source = self._paths.checkpoint(trial.id, kept["uuid"])
                self._copier.copy(trial.id, kept["uuid"], source, kept["sha256"])


def _wanted_at_home(trial: TrialState) -> set[str]:
    needed = trial.cloned_from + ([] if trial.over else trial.checkpoints[-1:])
    return {kept["uuid"] for kept in trial.checkpoints if not kept.get("stored")} | {it["uuid"] for it in needed}
