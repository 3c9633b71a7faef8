"""Checkpoint files as the store sees them: two files and their hashes, read without TensorFlow.

A checkpoint is `state.json`, which names the sha256 of `tensors.safetensors`; the sha256 of `state.json` is recorded
in the event log. So one recorded hash vouches for both files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Collection
from pathlib import Path

from pedl.errors import CheckpointError
from pedl.files import CHECKPOINT_FORMAT, STATE_FILE, TENSORS_FILE, appears, file_sha256, sync_directory
from pedl.points import point
from pedl.store.paths import ExperimentPaths


def verify_checkpoint(directory: Path, sha256: str) -> None:
    """Reads a checkpoint and compares it with its recorded hash.

    Raises:
      CheckpointError: if a file is missing, cannot be read, or has another hash (the message shows both), if it is
        another checkpoint than the recorded one, or has a format that this pedl does not read.
    """
    path = directory / STATE_FILE
    content = _read(path)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256 and _is_state(content):
        raise CheckpointError(f"{path} is of another checkpoint: its sha256 is {found}, recorded was {sha256}")
    _expect(path, found, sha256)
    if not _is_state(content):
        raise CheckpointError(f"{path} is no checkpoint's: it lacks what pedl writes there")
    state = json.loads(content)
    if state["format"] != CHECKPOINT_FORMAT:
        raise CheckpointError(
            f"{path} has format {state['format']}, and this pedl reads {CHECKPOINT_FORMAT}: another version wrote it"
        )
    _expect(directory / TENSORS_FILE, _file_sha256(directory / TENSORS_FILE), state["tensors_sha256"])


def tensors_sha256(directory: Path) -> str:
    """Returns the hash of the tensors of a checkpoint, as its verified `state.json` names it."""
    return str(json.loads(_read(directory / STATE_FILE))["tensors_sha256"])


def copy_checkpoint(source: Path, target: Path, sha256: str) -> None:
    """Copies a checkpoint into the new directory `target`, which appears whole, durably and with the recorded hash.

    Raises:
      CheckpointError: if the source has another hash.
      OSError: if `target` exists or cannot be written.
    """
    verify_checkpoint(source, sha256)
    with appears(target) as aside:
        for name in (TENSORS_FILE, STATE_FILE):
            (aside / name).write_bytes((source / name).read_bytes())
        verify_checkpoint(aside, sha256)


def make_room(paths: ExperimentPaths, trial_id: int) -> None:
    """Makes the directory for a trial's checkpoints, durably, before a worker writes into it."""
    directory = paths.checkpoints(trial_id)
    if not directory.is_dir():
        directory.mkdir(parents=True)
        sync_directory(directory.parent)
        sync_directory(paths.root)


def remove_checkpoint(paths: ExperimentPaths, trial_id: int, uuid: str) -> None:
    """Removes the files of one checkpoint; does nothing where there are none."""
    with point("master.remove-checkpoint"):
        shutil.rmtree(paths.checkpoint(trial_id, uuid), ignore_errors=True)


def remove_litter(paths: ExperimentPaths, trial_id: int, keep: Collection[str]) -> None:
    """Removes what is no recorded checkpoint: left by workers or masters that died. No worker may be running."""
    directory = paths.checkpoints(trial_id)
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def _is_state(content: bytes) -> bool:
    try:
        state = json.loads(content)
    except ValueError:
        return False
    return isinstance(state, dict) and {"format", "tensors_sha256"} <= state.keys()


def _expect(path: Path, found: str, recorded: str) -> None:
    if found != recorded:
        raise CheckpointError(f"{path} is damaged: its sha256 is {found}, recorded was {recorded}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


def _file_sha256(path: Path) -> str:
    try:
        return file_sha256(path)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
