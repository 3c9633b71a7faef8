"""A model definition that is given as a trial class: which files that is.

| where the class is from | the definition |
|---|---|
| `__main__`: a script, or the cells of a notebook | a `model_def.py` made of it (`main_class.py`) |
| a module of one file | that file |
| a package | the package's directory |

Modules beside it that these import go along (`beside.py`), and nothing else does: data have to be named by an absolute
path, unless a directory is given as the definition.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    text = written_down(trial_class)
    (directory / "model_def.py").write_text(text, encoding="utf-8")
    file = getattr(sys.modules["__main__"], "__file__", None)
    names = imported_by(directory / "model_def.py")
    for folder in [*([Path(file).absolute().parent] if file else []), Path.cwd()]:
        _link(directory, modules_beside(folder, names))
    return Given(directory, f"model_def:{trial_class.__name__}", f"<{trial_class.__name__}>")


def _of_module(trial_class: type, directory: Path) -> Given:
    module = sys.modules[trial_class.__module__]
    if getattr(module, trial_class.__qualname__, None) is not trial_class:
        raise TrialDefinitionError(
            f"{trial_class.__qualname__} is not to be had from its module {module.__name__}: it was made inside of a "
            "function or a class.\nDefine it at the top of the module."
        )
    top: Any = sys.modules[module.__name__.partition(".")[0]]
    places = list(getattr(top, "__path__", ())) or [top.__file__]
    path = Path(places[0]).absolute()
    _link(directory, {path.name: path} | modules_beside(path.parent, imported_by(path)))
    return Given(directory, f"{module.__name__}:{trial_class.__qualname__}", str(path.parent))


def _link(directory: Path, files: dict[str, Path]) -> None:
    for name, path in files.items():
        if not (directory / name).exists():
            (directory / name).symlink_to(path)
