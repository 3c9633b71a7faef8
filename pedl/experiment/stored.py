"""The checkpoints of an experiment for those who only read: where each lies, whether it is whole, and a copy of it."""

from __future__ import annotations

import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pedl.errors import CheckpointError, InputError, PedlError
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import ExperimentPaths
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


def trouble_with(it: StoredCheckpoint, paths: ExperimentPaths, storage: Storage | None) -> str | None:
    """Returns what is wrong with a checkpoint, read wherever it has to be; None if it is whole."""
    with tempfile.TemporaryDirectory(prefix="pedl-verify-") as name:
        try:
            whole(it, paths, storage, Path(name))
        except PedlError as error:
            return str(error)
    return None


def download(it: StoredCheckpoint, paths: ExperimentPaths, storage: Storage | None, target: Path) -> None:
    """Copies a checkpoint into the new directory `target`, which appears whole.

    Raises:
      InputError: if `target` exists.
      CheckpointError: if the checkpoint is damaged everywhere.
    """
    if target.exists():
        raise InputError(f"{target} exists already; name a directory that does not.")
    with tempfile.TemporaryDirectory(prefix="pedl-download-") as name:
        copy_checkpoint(whole(it, paths, storage, Path(name)), target.absolute(), it.sha256)


def whole(it: StoredCheckpoint, paths: ExperimentPaths, storage: Storage | None, aside: Path) -> Path:
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
