"""The model definition: which of its files count, their hash, and the copy that an experiment keeps.

A definition is a directory or one file. All its files count but for what `.pedlignore` lists (the syntax of
.gitignore, at the top of the directory; `!name` takes a file back in), compiled files, `.git/` and `.pedl/`. The hash
is that of the files' names and contents: not of their modes, times, order or place. Links are followed, so that the
copy stands alone.

The copy is checked before each use. Files that training wrote beside the code are no part of it, unless Python
could import them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import pathspec

from pedl import jsontext
from pedl.errors import StoreError, TrialDefinitionError
from pedl.files import sync_directory
from pedl.points import point

IGNORE_FILE = ".pedlignore"
_ALWAYS_IGNORED = ("__pycache__/", "*.py[cod]", ".git/", ".pedl/")
_IMPORTABLE = (".py", ".so", ".pyd")

Files = dict[str, str]
"""The sha256 of each file, by its path within the definition, with forward slashes."""


def exchanged(config: Path, source: Path) -> bool:
    """Tells whether a model definition came where a configuration file was expected, and the other way round."""
    code = config.is_dir() or config.suffix == ".py"
    return code and source.is_file() and source.suffix in (".yaml", ".yml")


def check_there(source: Path) -> None:
    """Raises TrialDefinitionError if there is neither a directory nor a file at `source`."""
    if not source.is_dir() and not source.is_file():
        raise TrialDefinitionError(f"{source} is not there; expected a model definition: a directory, or one .py file.")


def copy_definition(source: Path, target: Path) -> Files:
    """Copies the files of `source` that count into the new directory `target`, and makes them durable.

    A definition that is one file becomes a directory with that file in it.

    Raises:
      TrialDefinitionError: if `source` is not there, holds no Python file, or holds something that cannot be copied.
    """
    files = sorted(_files(source).items())
    if not any(name.endswith(".py") for name, _ in files):
        raise TrialDefinitionError(
            f"{source} holds no Python file that counts (see {IGNORE_FILE}).\n"
            "Name a directory with a model_def.py, or one .py file, that defines a trial class."
        )
    return _copy_files(files, target)


def copy_recorded(source: Path, target: Path, recorded: Files) -> None:
    """Copies those files of the copy `source` that were recorded, and no others, into the new directory `target`.

    Raises:
      StoreError: if one of them is not what was recorded.
    """
    found = _copy_files([(name, source / name) for name in sorted(recorded)], target)
    for name, sha256 in recorded.items():
        if found[name] != sha256:
            raise StoreError(f"{source / name} was changed: its sha256 is {found[name]}, recorded was {sha256}.")


def definition_sha256(files: Files) -> str:
    """Returns the hash of a definition: of the names and hashes of its files."""
    return hashlib.sha256(jsontext.dumps(files).encode()).hexdigest()


class GuardedCopy:
    """The copy of a definition, and what was recorded when it was made."""

    def __init__(self, directory: Path, recorded: Files) -> None:
        self._directory = directory
        self._recorded = recorded
        self._checked: list[tuple[str, tuple[int, int, int] | None]] | None = None

    def check(self) -> None:
        """Compares the copy with what was recorded; reads it only if something in it moved since the last time.

        Raises:
          StoreError: if it differs; the message names the file.
        """
        change = self.change()
        if change is not None:
            raise StoreError(
                f"The model definition in {self._directory} is not what was recorded: {change}.\n"
                "Going on could give other results. Put the file back as it was, "
                "or create the experiment again from the source."
            )

    def change(self) -> str | None:
        """Returns the first difference from what was recorded, or None.

        Trials may write beside the code, and remove what they wrote, while this looks.
        """
        if not self._directory.is_dir():
            return f"{self._directory} is gone"
        files = dict(_present(self._directory))
        stamp = [(name, _stamp(path)) for name, path in sorted(files.items())]
        if stamp == self._checked:
            return None
        for name, expected in self._recorded.items():
            found = _sha256(files[name]) if name in files and files[name].is_file() else None
            if found is None:
                return f"{name} is gone"
            if found != expected:
                return f"{name} was changed: its sha256 is {found}, recorded was {expected}"
        for name in sorted(files):
            if name not in self._recorded and name.endswith(_IMPORTABLE):
                return f"{name} was added"
        self._checked = stamp
        return None


def _copy_files(files: Iterable[tuple[str, Path]], target: Path) -> Files:
    target.mkdir(parents=True)
    hashes: Files = {}
    for name, path in files:
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        with point("definition.write"):
            hashes[name] = _copy_synced(path, copy)
    for directory, _, _ in os.walk(target):
        sync_directory(Path(directory))
    return hashes


def _files(source: Path) -> dict[str, Path]:
    if source.is_file():
        return {source.name: source}
    check_there(source)
    return dict(_walk(source, "", _ignored(source / IGNORE_FILE), (source.resolve(),)))


def _present(directory: Path) -> Iterator[tuple[str, Path]]:
    """Yields what counts of a copy in which trials work; what vanishes meanwhile, or is no file, is nothing to tell."""
    ignored, seen = _ignored(directory / IGNORE_FILE), {directory.resolve()}
    for place, directories, names in os.walk(directory, followlinks=True):
        prefix = Path(place).relative_to(directory)
        counting = [it for it in directories if not ignored.match_file(f"{(prefix / it).as_posix()}/")]
        real = {it: Path(place, it).resolve() for it in counting}
        # A link may lead back.
        directories[:] = [it for it in counting if not (Path(place, it).is_symlink() and real[it] in seen)]
        seen.update(real.values())
        for name in ((prefix / it).as_posix() for it in names):
            if not ignored.match_file(name):
                yield name, directory / name


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Returns what changes when a file does, without reading it; None if it is not there any more."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _ignored(ignore_file: Path) -> pathspec.GitIgnoreSpec:
    try:
        lines = ignore_file.read_text(encoding="utf-8").splitlines() if ignore_file.is_file() else []
        return pathspec.GitIgnoreSpec.from_lines([*_ALWAYS_IGNORED, *lines])
    except ValueError as error:  # not UTF-8, or not a pattern
        raise TrialDefinitionError(f"{ignore_file}: {error}; expected one gitignore pattern a line.") from error


def _walk(
    directory: Path, prefix: str, ignored: pathspec.GitIgnoreSpec, above: tuple[Path, ...]
) -> Iterator[tuple[str, Path]]:
    for path in sorted(directory.iterdir()):
        name = prefix + path.name
        if path.is_dir():
            if ignored.match_file(name + "/"):
                continue
            if path.resolve() in above:
                raise TrialDefinitionError(f"{path} links to a directory that contains it; list it in {IGNORE_FILE}.")
            yield from _walk(path, name + "/", ignored, (*above, path.resolve()))
        elif not ignored.match_file(name):
            if not path.is_file():
                raise TrialDefinitionError(
                    f"{path} is neither a file nor a directory (a broken link?); fix it, or list it in {IGNORE_FILE}."
                )
            yield name, path


def _copy_synced(source: Path, target: Path) -> str:
    hasher = hashlib.sha256()
    with source.open("rb") as reader, target.open("xb") as writer:
        while block := reader.read(1 << 20):
            hasher.update(block)
            writer.write(block)
        writer.flush()
        with point("definition.sync"):
            os.fsync(writer.fileno())
    return hasher.hexdigest()


def _sha256(path: Path) -> str:
    hasher = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            hasher.update(block)
    return hasher.hexdigest()
