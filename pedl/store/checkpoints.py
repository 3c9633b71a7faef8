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
from pedl.store.database import sync_directory
from pedl.store.paths import STATE_FILE, TENSORS_FILE, ExperimentPaths


def verify_checkpoint(directory: Path, sha256: str) -> None:
    """Reads a checkpoint and compares it with its recorded hash.

    Raises:
      CheckpointError: if a file is missing, cannot be read, or has another hash; the message shows both.
    """
    state = _read(directory / STATE_FILE)
    _expect(directory / STATE_FILE, hashlib.sha256(state).hexdigest(), sha256)
    tensors_sha256 = json.loads(state)["tensors_sha256"]
    _expect(directory / TENSORS_FILE, _file_sha256(directory / TENSORS_FILE), tensors_sha256)


def make_room(paths: ExperimentPaths, trial_id: int) -> None:
    """Makes the directory for a trial's checkpoints, durably, before a worker writes into it."""
    directory = paths.checkpoints(trial_id)
    if not directory.is_dir():
        directory.mkdir(parents=True)
        sync_directory(directory.parent)
        sync_directory(paths.root)


def remove_checkpoint(paths: ExperimentPaths, trial_id: int, uuid: str) -> None:
    """Removes the files of one checkpoint; does nothing where there are none."""
    shutil.rmtree(paths.checkpoint(trial_id, uuid), ignore_errors=True)


def remove_litter(paths: ExperimentPaths, trial_id: int, keep: Collection[str]) -> None:
    """Removes what is no recorded checkpoint: left by workers or masters that died. No worker may be running."""
    directory = paths.checkpoints(trial_id)
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        if path.name not in keep:
            shutil.rmtree(path, ignore_errors=True)


def _expect(path: Path, found: str, recorded: str) -> None:
    if found != recorded:
        raise CheckpointError(f"{path} is damaged: its sha256 is {found}, recorded was {recorded}")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error


def _file_sha256(path: Path) -> str:
    hasher = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            while block := stream.read(1 << 20):
                hasher.update(block)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from error
    return hasher.hexdigest()
