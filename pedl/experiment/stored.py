"""The checkpoints of an experiment for those who only read: where each lies, whether it is whole, and a copy of it.

While the experiment runs, its master deletes those that are superseded, and moves those that are copied to its storage:
what cannot be read may be neither damaged nor missing. So after trouble the record is read again.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pedl.errors import CheckpointError, InputError, PedlError, StoreError
from pedl.experiment.fold import ExperimentState, fold
from pedl.experiment.running import experiment_storage
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import ExperimentPaths, Home
from pedl.store.checkpoints import copy_checkpoint, verify_checkpoint
from pedl.store.storage import Storage


@dataclass(frozen=True)
class StoredCheckpoint:
    """A checkpoint that is kept.

    Attributes:
      trial: the trial's number.
      step, batches: what was done when it was made.
      sha256: of its `state.json`, which vouches for its tensors.
      stored: whether a copy is safe in the experiment's storage.
    """

    trial: int
    step: int
    batches: int
    uuid: str
    sha256: str
    size_bytes: int
    stored: bool

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return asdict(self)


def stored_checkpoints(trial: TrialState) -> list[StoredCheckpoint]:
    """Returns a trial's checkpoints, oldest first."""
    return [_stored(trial.id, kept) for kept in trial.checkpoints]


def checked(
    it: StoredCheckpoint, paths: ExperimentPaths, storage: Storage | None, now: Callable[[], ExperimentState]
) -> tuple[StoredCheckpoint, str | None] | None:
    """Reads a checkpoint wherever it has to be, and returns it with what is wrong with it; None: nothing.

    Returns None in place of both if it is not kept any more.

    Args:
      now: folds the events that there are by then.
    """
    while (trouble := _trouble_with(it, paths, storage)) is not None:
        kept = _kept(now(), it)
        if kept is None or kept == it:
            return None if kept is None else (it, trouble)
        it = kept
    return it, None


def _trouble_with(it: StoredCheckpoint, paths: ExperimentPaths, storage: Storage | None) -> str | None:
    with tempfile.TemporaryDirectory(prefix="pedl-verify-") as name:
        try:
            _whole(it, paths, storage, Path(name))
        except PedlError as error:
            return str(error)
    return None


def _kept(state: ExperimentState, it: StoredCheckpoint) -> StoredCheckpoint | None:
    trial = state.trials[it.trial]
    return next((kept for kept in stored_checkpoints(trial) if kept.uuid == it.uuid), None)


Found = tuple[int, ExperimentState, StoredCheckpoint]
"""An experiment's number, its state, and a checkpoint that it keeps."""


def take(home: Home, find: Callable[[], Found], target: Path) -> Found:
    """Copies the checkpoint that `find` finds into the new directory `target`, which appears whole.

    If it is superseded meanwhile, `find` is called again.

    Raises:
      InputError: if `target` exists.
      StoreError: from `find`; if the experiment's storage cannot be read.
      CheckpointError: if the checkpoint is damaged everywhere.
    """
    if target.exists():
        raise InputError(f"{target} exists already; name a directory that does not.")
    while True:
        experiment_id, state, it = find()
        with tempfile.TemporaryDirectory(prefix="pedl-download-") as name:
            try:
                files = _whole(it, home.paths(experiment_id), experiment_storage(state.created), Path(name))
                copy_checkpoint(files, target.absolute(), it.sha256)
                return experiment_id, state, it
            except (CheckpointError, StoreError, OSError):
                if _kept(fold(home.events(experiment_id)), it) == it:
                    raise


def _whole(it: StoredCheckpoint, paths: ExperimentPaths, storage: Storage | None, aside: Path) -> Path:
    """Returns a directory with the verified files: the home's, else fetched into `aside`.

    Raises:
      CheckpointError: if the checkpoint is damaged everywhere.
    """
    here = paths.checkpoint(it.trial, it.uuid)
    if it.stored and storage is not None:
        if here.exists():
            try:
                verify_checkpoint(here, it.sha256)
                return here
            except CheckpointError:
                pass  # the copy decides
        storage.get(it.trial, it.uuid, aside / it.uuid, it.sha256)
        return aside / it.uuid
    verify_checkpoint(here, it.sha256)
    return here


def _stored(trial_id: int, kept: Payload) -> StoredCheckpoint:
    return StoredCheckpoint(
        trial=trial_id,
        step=kept["step"],
        batches=kept["batches"],
        uuid=kept["uuid"],
        sha256=kept["sha256"],
        size_bytes=kept["size_bytes"],
        stored=bool(kept.get("stored")),
    )
