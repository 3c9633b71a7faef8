"""Callbacks of Keras in pedl's loop, exact after a resume.

For them an epoch ends at each validation, with Keras's own names in `logs`: the training metrics of the last step as
they are, and those of the validation with `val_` before them. Hooks for single batches are called too, if one of the
callbacks has any: then each batch is a call of its own, and nothing is made ahead, so that what a hook draws keeps its
place. `stop_training` takes effect at the end of the step.

State is what the attributes hold: those that are plain data are kept in checkpoints; another has to come with
`get_state()` and `set_state(state)`. Of Keras's own callbacks, what is not plain is made by `on_train_begin`.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from pedl.errors import CheckpointError, TrialDefinitionError
from pedl.trial.plain_state import is_plain, packed, unpacked

_BATCH_HOOKS = {
    "training": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "validation": ("on_test_batch_begin", "on_test_batch_end"),
}

_NO_STATE = (
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, type, types.ModuleType, Path),
    *(keras.layers.Layer, keras.optimizers.Optimizer, keras.optimizers.schedules.LearningRateSchedule),
    *(keras.losses.Loss, keras.metrics.Metric),
)
"""What an attribute may hold besides plain data: it does not change, or the trial's state has it."""


class KerasCallbacks:
    """The Keras callbacks of one trial.

    Args:
      callbacks: what `keras_callbacks()` returned.
      trial_name: for errors.

    Attributes:
      epoch: the number of the epoch under way or about to begin, from 0.

    Raises:
      TrialDefinitionError: if a callback is none of Keras's, or does what pedl does.
    """

    def __init__(self, callbacks: Any, model: keras.Model, trial_name: str) -> None:
        self._all = list(callbacks)
        self._model = model
        self._where = f"{trial_name}.keras_callbacks()"
        self._is_open = False
        self.epoch = 0
        for callback in self._all:
            _check(callback, self._where)
            callback.set_model(model)
            callback.set_params({"verbose": 0, "epochs": None, "steps": None})
        model.stop_training = False

    def listens(self, phase: str) -> bool:
        """Tells whether a callback wants to know of each batch of a phase, "training" or "validation"."""
        return any(_overrides(it, hook) for it in self._all for hook in _BATCH_HOOKS[phase])

    @property
    def stopped(self) -> bool:
        """Whether one of them has set `model.stop_training`."""
        return bool(self._model.stop_training)

    def tell(self, event: str, *arguments: Any) -> None:
        """Calls the method named `event` of each."""
        for callback in self._all:
            getattr(callback, event)(*arguments)

    def begin(self) -> None:
        """Tells that training begins in this process; refuses state that could not be kept."""
        self.tell("on_train_begin", {})
        self.get_state()

    def begin_epoch(self) -> None:
        """Tells that an epoch begins, unless one is under way."""
        if not self._is_open:
            self._is_open = True
            self.tell("on_epoch_begin", self.epoch, {})

    def end_epoch(self, training: Mapping[str, Any], validation: Mapping[str, Any]) -> None:
        """Tells that a validation ended an epoch."""
        logs = {**training, **{f"val_{name}": value for name, value in validation.items()}}
        self.tell("on_epoch_end", self.epoch, logs)
        self.epoch += 1
        self._is_open = False

    def get_state(self) -> dict[str, Any]:
        """Returns the state of all, as plain JSON."""
        states = [_state(it, self._where) for it in self._all]
        return {"epoch": self.epoch, "open": self._is_open, "stopped": self.stopped, "callbacks": states}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes on from what `get_state` returned; called after `begin`."""
        self.epoch, self._is_open = state["epoch"], state["open"]
        self._model.stop_training = state["stopped"]
        if len(state["callbacks"]) != len(self._all):
            raise CheckpointError(
                f"the checkpoint has the state of {len(state['callbacks'])} callbacks, and {self._where} returns "
                f"{len(self._all)}."
            )
        for callback, kept in zip(self._all, state["callbacks"], strict=True):
            if _has_own_state(callback):
                callback.set_state(unpacked(kept))
            else:
                _restore(callback, unpacked(kept), self._where)


def _check(callback: Any, where: str) -> None:
    if not isinstance(callback, keras.callbacks.Callback):
        raise TrialDefinitionError(
            f"{where} returned {callback!r}, expected a list of keras.callbacks.Callback. Callbacks of pedl are what "
            "callbacks() returns."
        )
    if isinstance(callback, keras.callbacks.BackupAndRestore):
        raise TrialDefinitionError(
            f"{where} has a BackupAndRestore, which would restore a model beside pedl's own checkpoints. Leave it out: "
            "a trial that is interrupted goes on by itself."
        )


def _overrides(callback: keras.callbacks.Callback, hook: str) -> bool:
    if hook in vars(callback):  # LambdaCallback
        return True
    if isinstance(callback, keras.callbacks.ModelCheckpoint) and callback.save_freq == "epoch":
        return _of(callback, hook) not in (
            _of(keras.callbacks.ModelCheckpoint, hook),
            _of(keras.callbacks.Callback, hook),
        )
    if isinstance(callback, keras.callbacks.TensorBoard) and callback.update_freq == "epoch":
        return _of(callback, hook) not in (_of(keras.callbacks.TensorBoard, hook), _of(keras.callbacks.Callback, hook))
    return _of(callback, hook) is not _of(keras.callbacks.Callback, hook)


def _of(owner: Any, hook: str) -> Any:
    return getattr(owner if isinstance(owner, type) else type(owner), hook)


def _has_own_state(callback: keras.callbacks.Callback) -> bool:
    return hasattr(callback, "get_state") and hasattr(callback, "set_state")


def _state(callback: keras.callbacks.Callback, where: str) -> Any:
    name = type(callback).__name__
    if _has_own_state(callback):
        return packed(callback.get_state(), f"{where}: what {name}.get_state() returned")
    kept: dict[str, Any] = {}
    functions: dict[str, str] = {}
    for attribute, value in vars(callback).items():
        if attribute in ("_model", "params"):
            continue
        if is_plain(value):
            kept[attribute] = value
        elif isinstance(value, types.FunctionType):
            functions[attribute] = _name(value)
        elif not isinstance(value, _NO_STATE) and not _is_kerass(callback):
            raise TrialDefinitionError(
                f"{where}: {name}.{attribute} is a {type(value).__name__}, which a checkpoint cannot hold, so that a "
                "resumed trial would train on without it. Keep plain data in attributes (numbers, text, NumPy arrays, "
                "lists and dicts), or give the callback get_state() and set_state(state)."
            )
    return packed({"attributes": kept, "functions": functions}, f"{where}: {name}")


def _restore(callback: keras.callbacks.Callback, state: dict[str, Any], where: str) -> None:
    """Functions are not kept, but their names: one that training has set is known here, or the resume is refused."""
    for attribute, name in state["functions"].items():
        here = vars(callback).get(attribute)
        if name in _DIRECTIONS:
            setattr(callback, attribute, _DIRECTIONS[name])
        elif not isinstance(here, types.FunctionType) or _name(here) != name:
            raise CheckpointError(
                f"{where}: {type(callback).__name__}.{attribute} was the function {name} in the checkpoint, and is "
                f"{here!r} in a new process. Set it in __init__ or on_train_begin."
            )
    vars(callback).update(state["attributes"])


def _name(function: types.FunctionType) -> str:
    return f"{function.__module__}:{function.__qualname__}"


# Which way a monitored metric improves: found by Keras when the first epoch ends.
_DIRECTIONS = {_name(function): function for function in (keras.ops.less, keras.ops.greater)}


def _is_kerass(callback: keras.callbacks.Callback) -> bool:
    return type(callback).__module__.partition(".")[0] == "keras"
