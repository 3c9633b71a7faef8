"""The files of a checkpoint: `tensors.safetensors` (bytes) and `state.json` (all else), which appear whole or not at
all.

Written aside, synced, renamed. `state.json` holds the sha256 of the tensors, and the checkpoint's own sha256 is that of
`state.json`; neither file holds a time, a path or a pickle, so equal states have equal hashes.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import safetensors.numpy

from pedl.errors import CheckpointError
from pedl.files import CHECKPOINT_FORMAT, STATE_FILE, TENSORS_FILE, sync_directory
from pedl.points import point


@dataclass(frozen=True)
class Saved:
    """A checkpoint on disk: its directory `path`, named by `uuid`; the `sha256` of all that it holds; its size."""

    path: Path
    uuid: str
    sha256: str
    size_bytes: int


def save(directory: Path, state: dict[str, Any], header: Sequence[dict[str, Any]], arrays: Sequence[Any]) -> Saved:
    """Writes a checkpoint into a new directory below `directory`, and returns once it is durable.

    Args:
      directory: made where it does not exist.
      state: plain JSON.
      header: plain dicts, one per array.
      arrays: the values, of any dtype that NumPy or ml_dtypes knows, strings excluded.
    """
    identifier = str(uuid.uuid4())
    partial, final = directory / f".{identifier}.partial", directory / identifier
    partial.mkdir(parents=True)
    try:
        tensors = tensors_file(arrays)
        document = {
            "format": CHECKPOINT_FORMAT,
            "state": state,
            "variables": list(header),
            "tensors_sha256": _write_durably(partial / TENSORS_FILE, tensors),
        }
        text = json.dumps(document, sort_keys=True, indent=1, allow_nan=False).encode()
        sha256 = _write_durably(partial / STATE_FILE, [memoryview(text)])
        with point("checkpoint.sync-directory"):
            sync_directory(partial)
        with point("checkpoint.rename"):
            partial.rename(final)
        with point("checkpoint.sync-parent"):
            sync_directory(directory)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    return Saved(final, identifier, sha256, sum(map(len, tensors)) + len(text))


def load(path: Path, sha256: str | None = None) -> tuple[dict[str, Any], list[dict[str, Any]], list[Any]]:
    """Reads a checkpoint back: (state, header, arrays), as they were saved.

    Args:
      path: the checkpoint's directory.
      sha256: what `save` returned; compared if given.

    Raises:
      CheckpointError: if a file is missing, a hash differs, or the format is another.
    """
    text, tensors = _read(path / STATE_FILE), _read(path / TENSORS_FILE)
    _compare(path / STATE_FILE, hashlib.sha256(text).hexdigest(), sha256)
    document = json.loads(text)
    if document["format"] != CHECKPOINT_FORMAT:
        raise CheckpointError(
            f"{path} has format {document['format']}, expected {CHECKPOINT_FORMAT}. "
            "Read it with the version of pedl that wrote it."
        )
    _compare(path / TENSORS_FILE, hashlib.sha256(tensors).hexdigest(), document["tensors_sha256"])
    raw = safetensors.numpy.load(tensors)
    header = document["variables"]
    arrays = [
        np.frombuffer(raw[f"{index:06d}"].tobytes(), dtype_of(entry["dtype"])).reshape(entry["shape"])
        for index, entry in enumerate(header)
    ]
    return document["state"], header, arrays


def tensors_file(arrays: Sequence[Any]) -> list[memoryview]:
    """Returns the bytes of a safetensors file, piece by piece: a header, then the values where they lie, uncopied.

    safetensors knows neither bfloat16 nor float8 in NumPy, nor shape () apart from (1,): bytes are kept, and what they
    mean stands in `state.json`. Format: https://huggingface.co/docs/safetensors; equal to what `safetensors` writes.
    """
    values = [np.ascontiguousarray(array).reshape(-1).view(np.uint8).data for array in arrays]
    entries, end = {}, 0
    for index, value in enumerate(values):
        begin, end = end, end + len(value)
        entries[f"{index:06d}"] = {"dtype": "U8", "shape": [len(value)], "data_offsets": [begin, end]}
    header = json.dumps(entries, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    return [memoryview(len(header).to_bytes(8, "little") + header), *values]


def dtype_of(name: str) -> np.dtype[Any]:
    """Returns the dtype of a name, NumPy's or of `ml_dtypes`; raises TypeError if it is neither's."""
    return np.dtype(getattr(ml_dtypes, name)) if hasattr(ml_dtypes, name) else np.dtype(name)


def _compare(path: Path, found: str, expected: str | None) -> None:
    if expected is not None and found != expected:
        raise CheckpointError(
            f"{path} is damaged: its sha256 is {found[:16]}..., expected {expected[:16]}.... Use an older checkpoint, "
            "or train again."
        )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing. Use an older checkpoint, or train again.") from None


def _write_durably(path: Path, pieces: Sequence[memoryview]) -> str:
    """Writes a file and returns its sha256, which is computed meanwhile."""
    with path.open("wb") as file, ThreadPoolExecutor(1, "sha256") as pool:
        sha256 = pool.submit(_sha256, pieces)
        with point(f"checkpoint.write.{path.name}"):
            file.writelines(pieces)
            file.flush()
        with point(f"checkpoint.sync.{path.name}"):
            os.fsync(file.fileno())
        return sha256.result()


def _sha256(pieces: Sequence[memoryview]) -> str:
    hasher = hashlib.sha256()
    for piece in pieces:
        hasher.update(piece)  # lets other threads run
    return hasher.hexdigest()
