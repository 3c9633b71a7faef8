"""Modules that lie beside a script or a module, and are installed nowhere: a model definition takes them along."""

from __future__ import annotations

import ast
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

from pedl.errors import TrialDefinitionError


def modules_beside(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Returns those of `names` that are modules in `folder`, and the modules there that these import, and so on.

    Args:
      folder: if packages are installed in it, nothing lies beside anything.
      names: top-level names of modules.

    Returns:
      The file or the directory of each, by its name within the folder.
    """
    found: dict[str, Path] = {}
    pending = [] if _is_installed(folder) else sorted(set(names), reverse=True)
    while pending:
        path = _module(folder, pending.pop())
        if path is not None and path.name not in found:
            found[path.name] = path
            pending += sorted(imported_by(path), reverse=True)
    return found


def imported_by(path: Path) -> set[str]:
    """Returns the top-level names that a module's file, or a package's files, import.

    Raises:
      TrialDefinitionError: if a file is no Python.
    """
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return {name for file in files for name in _imported(file)}


def _imported(file: Path) -> Iterator[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise TrialDefinitionError(
            f"{file} cannot be read as Python: {error}. Mend it, or do not import it."
        ) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (it.name.partition(".")[0] for it in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _module(folder: Path, name: str) -> Path | None:
    if name in sys.stdlib_module_names:
        return None
    package, file = folder / name, folder / f"{name}.py"
    if package.is_dir() and any(package.glob("*.py")):
        return package
    return file if file.is_file() else None


def _is_installed(folder: Path) -> bool:
    places = (sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib"))
    return any(folder.resolve() == Path(place).resolve() for place in places)
