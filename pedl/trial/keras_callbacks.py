"""Callbacks of Keras in pedl's loop, exact after a resume.

For them an epoch ends at each validation, with Keras's own names in `logs`: the training metrics of the last step as
they are, and those of the validation with `val_` before them. Hooks for single batches are called too, if one of the
callbacks has any: then each batch is a call of its own, and nothing is made ahead, so that what a hook draws keeps its
place. `stop_training` takes effect at the end of the step.

State is what the attributes hold: plain data, and the variables of models, are kept in checkpoints; another has to come
with `get_state()` and `set_state(state)`. Of Keras's own callbacks, what is not plain is made by `on_train_begin`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras

from pedl.errors import CheckpointError, TrialDefinitionError
from pedl.trial.callback_state import CallbackState
from pedl.trial.state import WholeState

_BATCH_HOOKS = {
    "training": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "validation": ("on_test_batch_begin", "on_test_batch_end"),
}


class KerasCallbacks:
    """The Keras callbacks of one trial.

    Args:
      callbacks: what `keras_callbacks()` returned.
      trial_name: for errors.
      state: the trial's, whose variables no callback need keep.

    Attributes:
      epoch: the number of the epoch under way or about to begin, from 0.

    Raises:
      TrialDefinitionError: if a callback is none of Keras's, or does what pedl does.
    """

    def __init__(self, callbacks: Any, model: keras.Model, trial_name: str, state: WholeState) -> None:
        self._all = list(callbacks)
        self._model = model
        self._where = f"{trial_name}.keras_callbacks()"
        self._is_open = False
        self.epoch = 0
        for callback in self._all:
            _check(callback, self._where)
            callback.set_model(model)
            callback.set_params({"verbose": 0, "epochs": None, "steps": None})
        self._states = [CallbackState(it, self._where, state) for it in self._all]
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
        for state in self._states:
            state.begin()

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
        states = [it.get() for it in self._states]
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
        for callback, kept in zip(self._states, state["callbacks"], strict=True):
            callback.set(kept)


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
