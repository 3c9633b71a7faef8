"""A model definition that is given as a trial class: which files that is.

| where the class is from | the definition |
|---|---|
| `__main__`: a script, or the cells of a notebook | a `model_def.py` made of it (`main_class.py`) |
| a module of one file | that file |
| a package | the package's directory |
| a module without a file of Python, such as one that code made | none: an error |

What is made is named `model_def_2.py`, and so on, where a module named `model_def` is imported: that one goes along.
Modules beside it that these import go along (`beside.py`), and nothing else does: data have to be named by an absolute
path, unless a directory is given as the definition.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from pedl.config import ExperimentConfig, parse_config
from pedl.errors import ConfigError, TrialDefinitionError
from pedl.experiment.beside import imported_by, modules_beside
from pedl.experiment.main_class import written_down


@dataclass(frozen=True)
class Given:
    """The files of a class.

    Attributes:
      directory: holds them, or links to them.
      entrypoint: the class in them, as the configuration's `entrypoint` names it.
      known_as: what their author knows them as, for messages.
    """

    directory: Path
    entrypoint: str
    known_as: str


@contextmanager
def files_of(trial_class: type) -> Iterator[Given]:
    """Gives the files of a class for the length of a `with`.

    Raises:
      TrialDefinitionError: if there are none, or something that the class uses cannot be written down.
    """
    with tempfile.TemporaryDirectory(prefix="pedl-class-") as name:
        directory = Path(name)
        if trial_class.__module__ == "__main__":
            yield _of_main(trial_class, directory)
        else:
            yield _of_module(trial_class, directory)


def with_entrypoint(config: ExperimentConfig, given: Given) -> ExperimentConfig:
    """Returns the configuration with the class as its entrypoint.

    Raises:
      ConfigError: if it names one already.
    """
    plain = config.to_dict()
    for field in ("entrypoint", "entrypoints"):
        if plain[field]:
            raise ConfigError(
                f"{field}: found {plain[field]!r}, and the class {given.entrypoint.partition(':')[2]} was handed over. "
                "Leave the field out, or hand over the path of a model definition."
            )
    return parse_config({**plain, "entrypoint": given.entrypoint})


def _of_main(trial_class: type, directory: Path) -> Given:
    written = directory / "model_def.py"
    written.write_text(written_down(trial_class), encoding="utf-8")
    file = getattr(sys.modules["__main__"], "__file__", None)
    names = imported_by(written)
    beside: dict[str, Path] = {}
    for folder in [*([Path(file).absolute().parent] if file else []), Path.cwd()]:
        beside = modules_beside(folder, names) | beside
    module = _unused(names.union(*map(imported_by, beside.values())))
    written.rename(directory / f"{module}.py")
    _link(directory, beside)
    return Given(directory, f"{module}:{trial_class.__name__}", f"<{trial_class.__name__}>")


def _unused(imported: Set[str]) -> str:
    """Returns a name for the module that is written, which no import means: a script may have a `model_def` beside."""
    names = ("model_def" if number == 1 else f"model_def_{number}" for number in count(1))
    return next(name for name in names if name not in imported)


def _of_module(trial_class: type, directory: Path) -> Given:
    path = _place_of(trial_class)
    module = trial_class.__module__
    if getattr(sys.modules[module], trial_class.__qualname__, None) is not trial_class:
        raise TrialDefinitionError(
            f"{trial_class.__qualname__} cannot be imported from its module {module}: it was made inside of a "
            "function or a class.\nDefine it at the top of the module."
        )
    _link(directory, {path.name: path} | modules_beside(path.parent, imported_by(path)))
    return Given(directory, f"{module}:{trial_class.__qualname__}", str(path.parent))


def _place_of(trial_class: type) -> Path:
    """Returns the file of the module that a class is from, or the directory of the package.

    Raises:
      TrialDefinitionError: if there is none: the module is built in or compiled, or was made by code that ran.
    """
    name = str(trial_class.__module__)
    top = sys.modules.get(name.partition(".")[0]) if name in sys.modules else None
    for place in [*getattr(top, "__path__", ()), getattr(top, "__file__", None)]:
        if place and (Path(place).is_dir() or (Path(place).is_file() and Path(place).suffix == ".py")):
            return Path(place).absolute()
    raise TrialDefinitionError(
        f"the trial class {trial_class.__qualname__} is of the module {name}, which has no file of Python; expected a "
        "class of a script, of a notebook's cell, or of a module with such a file: an experiment keeps the source.\n"
        "Write the class into a .py file, and hand over the class that is imported from it, or the file's path."
    )


def _link(directory: Path, files: dict[str, Path]) -> None:
    for name, path in files.items():
        if not (directory / name).exists():
            (directory / name).symlink_to(path)
