"""`pedl.trial.Callback`: code of the user's that is told of the events of a trial, for every trial class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedl.errors import CheckpointError, TrialDefinitionError
from pedl.trial.plain_state import packed, unpacked

if TYPE_CHECKING:
    from pedl.trial.trial import Trial


class Callback:
    """Is told what happens to a trial. Override what is of interest; `callbacks()` of the trial returns instances.

    Example:

        class WorstLoss(Callback):
            def __init__(self):
                self.worst = 0.0

            def on_step_end(self, step, metrics):
                self.worst = max(self.worst, metrics["loss"])

            def state(self):
                return {"worst": self.worst}

            def load_state(self, state):
                self.worst = state["worst"]

    A resumed trial has a new instance, which is given the state that the checkpoint has. Events between the checkpoint
    and the interruption are told again.
    """

    def on_trial_begin(self) -> None:
        """Called in each process that trains the trial, before anything is compiled and before `load_state`."""

    def on_step_end(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Called after a step, from 1, with its training metrics."""

    def on_validation_end(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Called after the validation of a step, once for each, with the validation metrics."""

    def on_checkpoint(self, path: Path) -> None:
        """Called when a checkpoint is durable, with its directory."""

    def on_trial_end(self) -> None:
        """Called when the trial has been trained as far as was asked; the search may let it go on later."""

    def state(self) -> Mapping[str, Any]:
        """Returns what `load_state` needs: numbers, text, arrays, and dicts and lists of them."""
        return {}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Takes what `state` returned when the checkpoint was saved."""


class Callbacks:
    """The callbacks of one trial, told in their order.

    Raises:
      TrialDefinitionError: if `callbacks()` returned something else.
    """

    def __init__(self, trial: Trial) -> None:
        self._all: Sequence[Callback] = list(trial.callbacks())
        strange = [it for it in self._all if not isinstance(it, Callback)]
        if strange:
            raise TrialDefinitionError(
                f"{type(trial).__name__}.callbacks() returned {strange[0]!r}, expected a list of pedl.trial.Callback. "
                "Callbacks of Keras are what keras_callbacks() returns."
            )

    def tell(self, event: str, *arguments: Any) -> None:
        """Calls the method named `event` of each."""
        for callback in self._all:
            getattr(callback, event)(*arguments)

    def get_state(self) -> list[Any]:
        """Returns the states of all as plain JSON."""
        return [
            packed(dict(it.state()), f"what {type(it).__name__}.state() returned: a value in it") for it in self._all
        ]

    def set_state(self, states: list[Any]) -> None:
        """Gives each what it had. Raises CheckpointError if there were others."""
        if len(states) != len(self._all):
            raise CheckpointError(
                f"the checkpoint has the state of {len(states)} callbacks, and callbacks() returns {len(self._all)}."
            )
        for callback, state in zip(self._all, states, strict=True):
            callback.load_state(unpacked(state))
