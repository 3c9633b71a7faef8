"""Where checkpoints are kept beside the home: a directory, or a place that fsspec reaches.

    <url>/<name of the experiment>/trial-<n>/<uuid>/tensors.safetensors, state.json

A checkpoint is written in the home first, whole and durably, and then copied: the tensors before `state.json`, which
holds their hash, so that a copy that was cut off is seen to be none. What was copied is read back and compared by its
hash before it counts; so is what is fetched.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pedl.errors import CheckpointError, PedlError, StoreError
from pedl.files import STATE_FILE, TENSORS_FILE, sync_directory, sync_file
from pedl.points import point
from pedl.store.checkpoints import tensors_sha256, verify_checkpoint

FILES = (TENSORS_FILE, STATE_FILE)
"""In the order in which they are written; removed in the opposite one."""


class Storage:
    """The checkpoints of one experiment at a place of their own.

    Args:
      url: a directory, or an fsspec URL such as "s3://bucket/checkpoints".
      name: of the experiment, unlike any other's, in whichever home.

    Raises:
      StoreError: if fsspec lacks the package for this kind of URL; from every method: if the place cannot be reached.
    """

    def __init__(self, url: str, name: str) -> None:
        from fsspec.core import url_to_fs  # takes 50 ms, and few experiments need it
        from fsspec.implementations.local import LocalFileSystem

        self.url = url
        with self._told("be used"):
            self._files, place = url_to_fs(url)
        self._root = f"{place.rstrip('/')}/{name}"
        self._local = isinstance(self._files, LocalFileSystem)

    def probe(self) -> None:
        """Writes a file and removes it: an experiment that could not keep anything is not begun."""
        path = f"{self._root}/probe"
        with self._told("be written"):
            self._files.makedirs(self._root, exist_ok=True)
            self._files.pipe_file(path, b"pedl")
            self._files.rm_file(path)
            self._remove(self._root)

    def put(self, trial_id: int, uuid: str, source: Path, sha256: str) -> None:
        """Copies the checkpoint at `source` here, reads it back, and returns once it is safe.

        Raises:
          StoreError: also if what is read back has another hash than `sha256`, the recorded one.
          CheckpointError: if the checkpoint at `source` is damaged; nothing is written then.
        """
        verify_checkpoint(source, sha256)
        target = self._path(trial_id, uuid)
        with self._told("be written"):
            self._files.makedirs(target, exist_ok=True)
            for name in FILES:
                with point(f"storage.write.{name}"):
                    self._files.put_file(str(source / name), f"{target}/{name}")
                if self._local:
                    _sync(Path(target), name)
            found = [self._sha256(f"{target}/{name}") for name in FILES]
        expected = [tensors_sha256(source), sha256]
        if found != expected:
            raise StoreError(f"{self.url}: what was written reads back with another hash: {found}, not {expected}.")

    def get(self, trial_id: int, uuid: str, target: Path, sha256: str) -> None:
        """Fetches a checkpoint into the directory `target`, which appears whole and with the recorded hash.

        Raises:
          CheckpointError: if it is damaged here, too, or is not here.
          StoreError: also if nothing of the experiment is here: the place is not the one that it was.
        """
        aside = target.with_name(f".{target.name}.fetched")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(parents=True)
        try:
            with self._told("be read"):
                self._fetch(self._path(trial_id, uuid), aside)
            verify_checkpoint(aside, sha256)
            shutil.rmtree(target, ignore_errors=True)
            aside.rename(target)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _fetch(self, path: str, target: Path) -> None:
        try:
            for name in FILES:
                self._files.get_file(f"{path}/{name}", str(target / name))
        except FileNotFoundError as error:
            if not self._files.exists(self._root):
                raise StoreError(
                    f"checkpoint_storage.url: {self.url} has nothing of this experiment: there is no {self._root}.\n"
                    "Make it reachable. If it is gone for good, make that directory: training then starts again where "
                    "no checkpoint is left."
                ) from error
            raise CheckpointError(f"{self.url} has no whole copy of it") from error

    def remove(self, trial_id: int, uuid: str) -> None:
        """Removes a checkpoint; does nothing where there is none."""
        path = self._path(trial_id, uuid)
        with self._told("be written"), point("storage.remove"):
            for name in reversed(FILES):
                if self._files.exists(f"{path}/{name}"):
                    self._files.rm_file(f"{path}/{name}")
            self._remove(path)

    def found(self) -> set[tuple[int, str]]:
        """Returns (trial id, uuid) of all that lies here, whole or not."""
        with self._told("be read"):
            if not self._files.exists(self._root):
                return set()
            below = [path[len(self._root) + 1 :].split("/") for path in self._files.find(self._root)]
        return {(int(parts[0].removeprefix("trial-")), parts[1]) for parts in below if parts[0].startswith("trial-")}

    def remove_all(self) -> None:
        """Removes everything of this experiment."""
        with self._told("be written"):
            self._remove(self._root)

    def _path(self, trial_id: int, uuid: str) -> str:
        return f"{self._root}/trial-{trial_id}/{uuid}"

    def _remove(self, path: str) -> None:
        if self._files.exists(path):
            self._files.rm(path, recursive=True)

    def _sha256(self, path: str) -> str:
        hasher = hashlib.sha256()
        with self._files.open(path, "rb") as stream:
            while block := stream.read(1 << 20):
                hasher.update(block)
        return hasher.hexdigest()

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except (PedlError, KeyboardInterrupt):
            raise
        except Exception as error:  # each kind of storage has errors of its own
            reason = f"{type(error).__name__}: {error}"
            raise StoreError(f"checkpoint_storage.url: {self.url} cannot {what}: {reason}") from error


def _sync(directory: Path, name: str) -> None:
    sync_file(directory / name)
    for folder in (directory, directory.parent, directory.parent.parent):
        sync_directory(folder)
