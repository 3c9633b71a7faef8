"""The way to disk, and the format and the names of a checkpoint, on which trials and store agree.

What `write_synced` and `appears` write is absent or whole, after a power cut too: it is written aside, synced and
renamed, and its directory synced.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pedl.points import point

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


def write_synced(path: Path, content: bytes) -> None:
    """Writes a file that is either absent or whole."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with point("file.write"):
        aside.write_bytes(content)
    with point("file.sync"):
        sync_file(aside)
    with point("file.rename"):
        aside.rename(path)
    with point("file.sync-directory"):
        sync_directory(path.parent)


@contextmanager
def appears(target: Path) -> Iterator[Path]:
    """Gives a directory aside, which becomes `target`, whole and durable, when the `with` ends well, and else is gone.

    Raises:
      OSError: if `target` exists or cannot be written.
    """
    aside = target.with_name(f".{target.name}.{os.getpid()}.partial")
    aside.mkdir(parents=True)
    try:
        yield aside
        for directory, _, names in os.walk(aside):
            for name in names:
                sync_file(Path(directory) / name)
            sync_directory(Path(directory))
        if target.exists():  # a rename replaces an empty directory
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
        aside.rename(target)
        sync_directory(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def file_sha256(path: Path) -> str:
    """Returns the sha256 of a file, which is read a megabyte at a time."""
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()
