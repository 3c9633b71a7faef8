"""The hyperparameters of a trial: dicts that say, where a name is asked for that is not there, which there are."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from pedl.errors import TrialDefinitionError
from pedl.near import nearest
from pedl.trial.callers import users_line


class UnknownHyperparameter(TrialDefinitionError, KeyError):
    """The model definition asks for a hyperparameter that the configuration does not have; a KeyError, too."""

    def __str__(self) -> str:
        return str(self.args[0])  # a KeyError would quote it


class Hyperparameters(dict[str, Any]):
    """Hyperparameters by name, nested as in the configuration; equal to the plain dict, and the same JSON.

    Args:
      values: JSON.
      path: where they stand in those of the trial, such as "optimizer."; "" for all of them.
    """

    def __init__(self, values: Mapping[str, Any] | None = None, path: str = "") -> None:
        super().__init__()
        self._path = path
        for name, value in (values or {}).items():
            self[name] = Hyperparameters(value, f"{path}{name}.") if isinstance(value, dict) else value

    def __missing__(self, name: object) -> Any:
        where = users_line(sys._getframe(1))
        there = ", ".join(f"{self._path}{it}" for it in sorted(self))
        found = f"there are {there}{nearest(str(name), self)}" if there else "the configuration has none"
        raise UnknownHyperparameter(
            f"{where and f'{where}: '}there is no hyperparameter {self._path}{name}; {found}\n"
            "Name it alike here and in the configuration, under `hyperparameters`."
        )
