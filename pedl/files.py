"""What trials, which write checkpoints, and the store, which reads them, agree on: format, names, the way to disk."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

CHECKPOINT_FORMAT = 1
"""The format of checkpoints that this pedl writes; it reads this one and no other."""

STATE_FILE = "state.json"
TENSORS_FILE = "tensors.safetensors"


def sync_directory(path: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Makes the content of a file durable."""
    sync_directory(path)  # the same call, for either


def file_sha256(path: Path) -> str:
    """Returns the sha256 of a file, which is read a megabyte at a time."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()
