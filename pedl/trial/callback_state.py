"""What one Keras callback knows, for checkpoints: its attributes, or what it says of itself.

Attributes that are plain data are kept as they are, and of layers, models, optimizers and metrics that only the
callback holds, the variables' values: a resumed trial has its own, made by `__init__` or `on_train_begin`.
"""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import keras

from pedl.errors import CheckpointError, TrialDefinitionError
from pedl.trial.plain_state import is_plain, packed, unpacked
from pedl.trial.state import WholeState, check_fit, header_entry, raw

_WITH_VARIABLES = (keras.layers.Layer, keras.optimizers.Optimizer, keras.metrics.Metric)

_NO_STATE = (
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, type, types.ModuleType, Path),
    *(keras.optimizers.schedules.LearningRateSchedule, keras.losses.Loss),
)
"""What an attribute may hold besides plain data and variables: it does not change."""


class CallbackState:
    """The state of one callback.

    Args:
      callback: the callback.
      where: for errors.
      trained: the trial's state, whose variables the callback need not keep.
    """

    def __init__(self, callback: keras.callbacks.Callback, where: str, trained: WholeState) -> None:
        self._callback = callback
        self._name = type(callback).__name__
        self._where = where
        self._trained = trained
        self._begun: dict[str, list[dict[str, Any]]] = {}

    def begin(self) -> None:
        """Notes which variables it has when training begins, which a resumed trial will have again.

        Raises:
          TrialDefinitionError: as `get`.
        """
        self._begun = {attribute: _header(self._variables(value)) for attribute, value in vars(self._callback).items()}
        if self._has_own:
            self.get()
        else:
            self._kept()

    def get(self) -> Any:
        """Returns it as plain JSON.

        Raises:
          TrialDefinitionError: if an attribute cannot be kept; it is named.
        """
        if self._has_own:
            return packed(self._callback.get_state(), f"{self._where}: what {self._name}.get_state() returned")
        kept = self._kept()
        values = {
            attribute: {"header": _header(variables), "arrays": [variable.numpy() for variable in variables]}
            for attribute, variables in kept["variables"].items()
        }
        return packed({**kept, "variables": values}, f"{self._where}: {self._name}")

    def set(self, state: Any) -> None:
        """Goes on from what `get` returned.

        Raises:
          CheckpointError: if a function or a variable is another one here.
        """
        kept = unpacked(state)
        if self._has_own:
            self._callback.set_state(kept)
            return
        for attribute, name in kept["functions"].items():
            self._set_function(attribute, name)
        for attribute, values in kept["variables"].items():
            self._set_variables(attribute, values)
        vars(self._callback).update(kept["attributes"])

    @property
    def _has_own(self) -> bool:
        return hasattr(self._callback, "get_state") and hasattr(self._callback, "set_state")

    def _kept(self) -> dict[str, Any]:
        """Returns the attributes that are plain, the names of functions, and the variables of all that holds some."""
        kept: dict[str, Any] = {"attributes": {}, "functions": {}, "variables": {}}
        for attribute, value in vars(self._callback).items():
            if attribute in ("_model", "params"):
                continue
            if is_plain(value):
                kept["attributes"][attribute] = value
            elif isinstance(value, types.FunctionType):
                kept["functions"][attribute] = _name(value)
            elif isinstance(value, _WITH_VARIABLES):
                kept["variables"][attribute] = self._made_in_time(attribute, value)
            elif not isinstance(value, _NO_STATE) and not _is_kerass(self._callback):
                raise self._refused(attribute, value)
        return kept

    def _variables(self, value: Any) -> list[Any]:
        """All that a value holds, in the same order in every process, but for what the trial trains, and for means that
        begin anew with each evaluation.
        """
        if not isinstance(value, _WITH_VARIABLES):
            return []
        found = value.variables
        if isinstance(value, keras.layers.Layer):
            found = [variable for group, variable in WholeState(value, value).groups() if group != "metric"]
        trained = {id(variable) for variable in self._trained.variables()}
        return [variable for variable in map(raw, found) if id(variable) not in trained]

    def _made_in_time(self, attribute: str, value: Any) -> list[Any]:
        variables = self._variables(value)
        begun = iter(self._begun.get(attribute, []))  # fewer are left if the training uses some, and so keeps them
        if not all(entry in begun for entry in _header(variables)):
            raise TrialDefinitionError(
                f"{self._where}: {self._name}.{attribute} is a {type(value).__name__} whose variables were not there "
                "when training began, so that a resumed trial would have none to set. Make it and its variables in "
                "__init__ or on_train_begin, or give the callback get_state() and set_state(state)."
            )
        return variables

    def _refused(self, attribute: str, value: Any) -> TrialDefinitionError:
        return TrialDefinitionError(
            f"{self._where}: {self._name}.{attribute} is a {type(value).__name__}, which a checkpoint cannot hold, so "
            "that a resumed trial would train on without it. Keep plain data in attributes (numbers, text, NumPy "
            "arrays of these, lists and dicts), or give the callback get_state() and set_state(state)."
        )

    def _set_function(self, attribute: str, name: str) -> None:
        """Functions are not kept, but their names: one that training has set is known here, or it is refused."""
        here = vars(self._callback).get(attribute)
        if name in _DIRECTIONS:
            setattr(self._callback, attribute, _DIRECTIONS[name])
        elif not isinstance(here, types.FunctionType) or _name(here) != name:
            raise CheckpointError(
                f"{self._where}: {self._name}.{attribute} was the function {name} in the checkpoint, and is {here!r} "
                "in a new process. Set it in __init__ or on_train_begin."
            )

    def _set_variables(self, attribute: str, values: dict[str, Any]) -> None:
        variables = self._variables(vars(self._callback).get(attribute))
        try:
            check_fit(_header(variables), values["header"])
        except CheckpointError as error:
            raise CheckpointError(f"{self._where}: {self._name}.{attribute}: {error}") from None
        for variable, array in zip(variables, values["arrays"], strict=True):
            variable.assign(array)


def _header(variables: list[Any]) -> list[dict[str, Any]]:
    return [header_entry("held", variable) for variable in variables]


def _name(function: types.FunctionType) -> str:
    return f"{function.__module__}:{function.__qualname__}"


# Which way a monitored metric improves: found by Keras when the first epoch ends.
_DIRECTIONS = {_name(function): function for function in (keras.ops.less, keras.ops.greater)}


def _is_kerass(callback: keras.callbacks.Callback) -> bool:
    return type(callback).__module__.partition(".")[0] == "keras"
