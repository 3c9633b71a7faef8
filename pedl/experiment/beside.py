"""Modules that lie beside a script or a module, and are installed nowhere: a model definition takes them along."""

from __future__ import annotations

import ast
import contextlib
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from importlib.machinery import PathFinder
from pathlib import Path

from pedl.errors import TrialDefinitionError


def modules_beside(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """Returns those of `names` that are modules in `folder`, and the modules there that these import, and so on.

    A name that this process imports from elsewhere means the module there, and not the one in `folder`.

    Args:
      folder: if packages are installed in it, nothing lies beside anything.
      names: top-level names of modules.

    Returns:
      The file or the directory of each, by its name within the folder.
    """
    found: dict[str, Path] = {}
    pending = [] if _is_installed(folder) else sorted(set(names), reverse=True)
    while pending:
        name = pending.pop()
        path = _module(folder, name)
        if path is not None and path.name not in found and not _is_elsewhere(folder, name):
            found[path.name] = path
            pending += sorted(imported_by(path), reverse=True)
    return found


@contextlib.contextmanager
def told_what_was_left(model_definition: Path) -> Iterator[None]:
    """While it lasts, an error about a module that is not found says if it lies beside a definition of one file."""
    try:
        yield
    except TrialDefinitionError as error:
        if not model_definition.is_file() or ModuleNotFoundError.__name__ not in str(error):
            raise
        left = modules_beside(model_definition.parent, imported_by(model_definition))
        if not left:
            raise
        raise TrialDefinitionError(
            f"{error}\n{model_definition.name} was handed over alone, without {', '.join(sorted(left))} beside it. "
            "Hand over a directory that holds all of them, and name the class: "
            f"entrypoint: {model_definition.stem}:MyTrial"
        ) from error


def imported_by(path: Path) -> set[str]:
    """Returns the top-level names that a module's file, or a package's files, import.

    Raises:
      TrialDefinitionError: if the module's file is no Python. One of a package may be, as long as nobody imports it.
    """
    if not path.is_dir():
        return set(_imported(path))
    return {name for file in sorted(path.rglob("*.py")) for name in _imported_if_python(file)}


def _imported_if_python(file: Path) -> set[str]:
    try:
        return set(_imported(file))
    except TrialDefinitionError:  # a template, or code of another version: whoever imports it is told so
        return set()


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError) as error:
        raise TrialDefinitionError(f"{file} cannot be read as Python: {error}. Fix it, or do not import it.") from error


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(_parsed(file)):
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


def _is_elsewhere(folder: Path, name: str) -> bool:
    """Tells whether an import of `name` gives, or would give, a module that is not in `folder`."""
    module = sys.modules.get(name)
    if module is None:
        spec = PathFinder.find_spec(name)
        places = [] if spec is None else [*(spec.submodule_search_locations or ()), spec.origin]
    else:
        places = [*getattr(module, "__path__", ()), getattr(module, "__file__", None)]
    parents = [Path(place).parent.resolve() for place in places if place]
    return bool(parents) and parents[0] != folder.resolve()


def _is_installed(folder: Path) -> bool:
    # The last two are the user's, and those of a distribution of Linux, which sysconfig does not name.
    places = [sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib")]
    places += [site.getusersitepackages(), *site.getsitepackages()]
    return any(folder.resolve() == Path(place).resolve() for place in places)
