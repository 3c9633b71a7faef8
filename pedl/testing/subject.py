"""From a trial class in the hands of a test to what another process can find: a file and an entrypoint."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pedl.config import parse_config
from pedl.errors import TrialDefinitionError
from pedl.experiment.create import settle
from pedl.verify.short_runs import Subject

_LEAST: dict[str, Any] = {"searcher": {"name": "single", "metric": "loss", "max_steps": 1}}


def subject_of(
    trial_class: type,
    hparams: Mapping[str, Any] | None,
    batches: int,
    trial_seed: int,
    config: Mapping[str, Any] | None,
) -> Subject:
    """Returns what is run for a law.

    Raises:
      ConfigError: if `config` has an unknown or wrong field.
      TrialDefinitionError: if the class is not at the top of a module that lies in a file.
    """
    definition, entrypoint = _place(trial_class)
    settled = settle(parse_config({**_LEAST, **(config or {}), "entrypoint": entrypoint}), 0)
    return Subject(definition, settled.to_dict(), dict(hparams or {}), trial_seed, max(2, batches + batches % 2))


def import_root(trial_class: type) -> Path:
    """Returns the directory from which the module of a class can be imported by its name."""
    return _file(trial_class).parents[len(_module(trial_class).split(".")) - 1]


def _place(trial_class: type) -> tuple[Path, str]:
    name, module = trial_class.__qualname__, trial_class.__module__
    if "." in name or module == "__main__":
        raise TrialDefinitionError(
            f"{name} of {module} cannot be found by another process, in which a trial runs: expected a class at the "
            "top of a module.\nMove it out of the function or the script that it is defined in."
        )
    return Path(inspect.getfile(trial_class)).resolve(), f"{_module(trial_class)}:{name}"


def _module(trial_class: type) -> str:
    """The name that the class's module has by the place of its file; a runner of tests may have given it another."""
    parts = trial_class.__module__.split(".")
    fits = _file(trial_class).with_suffix("").parts[-len(parts) :] == tuple(parts)
    return trial_class.__module__ if fits else _file(trial_class).stem


def _file(trial_class: type) -> Path:
    file = Path(inspect.getfile(trial_class)).resolve()
    return file.parent if file.name == "__init__.py" else file
