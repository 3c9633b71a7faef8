"""What the trial classes of Keras models share: the model, its optimizer, its metrics, and how both are checked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np

from pedl.errors import TrialDefinitionError
from pedl.trial.during import during
from pedl.trial.trial import Trial, call


class MetricOp(Protocol):
    """For annotations, as the original system has them: what computes a metric, f(y_true, y_pred)."""

    def __call__(self, y_true: Any, y_pred: Any) -> Any: ...


class ValidOp(MetricOp, Protocol):
    """For annotations, as the original system has them: what computes a metric of a validation."""


class ModelTrial(Trial):
    """Base of `KerasTrial` and `KerasFunctionalTrial`. Subclass one of those, not this.

    Attributes:
      model: the compiled model; there once `compile_model` has returned.
    """

    model: keras.Model

    @abstractmethod
    def build_model(self, hparams: Mapping[str, Any]) -> keras.Model:
        """Returns the model; it need neither be built nor compiled."""

    @abstractmethod
    def optimizer(self) -> keras.optimizers.Optimizer:
        """Returns a new optimizer."""

    @abstractmethod
    def batch_size(self) -> int:
        """Returns the samples in a batch of arrays, at least 1. Data sets that make their own batches ignore it."""

    @abstractmethod
    def validation_metrics(self) -> Mapping[str, Any]:
        """Returns the metrics to validate with, by name; see the trial classes."""

    def training_metrics(self) -> Mapping[str, Any]:
        """Returns the same for training, where each is a mean over a step's samples. `loss` is always among them."""
        return {}

    def keras_callbacks(self) -> Sequence[keras.callbacks.Callback]:
        """Returns callbacks of Keras, new ones. An epoch ends for them at each validation.

        Their state is kept in checkpoints: attributes that are plain data, or what `get_state()` returns.
        """
        return ()

    @abstractmethod
    def compile_model(self, model: keras.Model) -> None:
        """Compiles the model with the trial's optimizer, losses and metrics. Override it for anything unusual."""


def not_none(trial: ModelTrial, hook: str, example: str) -> Any:
    """Returns what a hook returned; raises TrialDefinitionError if that is None, showing an `example`."""
    value = getattr(trial, hook)()
    if value is None:
        raise TrialDefinitionError(f"{type(trial).__name__}.{hook}() returned None.\nReturn one, {example}.")
    return value


def mapping(trial: ModelTrial, hook: str, expected: str) -> Mapping[str, Any]:
    """Returns the dict that a hook returned; raises TrialDefinitionError if it is none, showing what is `expected`."""
    value = getattr(trial, hook)()
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise TrialDefinitionError(
            f"{type(trial).__name__}.{hook}() returned {value!r}, expected a dict.\nReturn one, for example: {expected}"
        )
    return value


def built_model(trial: ModelTrial) -> keras.Model:
    """Returns the trial's model, compiled.

    Raises:
      TrialDefinitionError: if a hook returned something else than it must, or the model asks for what cannot be kept
        reproducible.
    """
    name = type(trial).__name__
    model = call(trial.build_model, trial.hparams)
    if not isinstance(model, keras.Model):
        raise TrialDefinitionError(
            f"{name}.build_model() returned {type(model).__name__}, expected a keras.Model.\nDoes it end with `return "
            "model`?"
        )
    with during(lambda: f"{name}.compile_model() failed. Look at what {name}.optimizer(), loss and metrics are."):
        trial.compile_model(model)
    if not model.compiled:
        raise TrialDefinitionError(
            f"{name}.compile_model() did not compile the model.\nCall model.compile(...) in it, or leave it out."
        )
    if _asks_for_jit(model):
        raise TrialDefinitionError(
            f"{name}.compile_model() asks for jit_compile=True. On the CPU, XLA gives other bits than the recorded "
            "operations and is "
            "dropped silently under op determinism. Leave jit_compile out."
        )
    return model


def _asks_for_jit(model: keras.Model) -> bool:
    # Under op determinism Keras turns the attribute off again; what `compile` was asked for is in its configuration.
    asked = getattr(getattr(model, "_compile_config", None), "config", {})
    return bool(model.jit_compile or asked.get("jit_compile") is True)


def checked_batch_size(trial: Any) -> int:
    """Returns the trial's batch size; raises TrialDefinitionError if it is no integer of at least 1."""
    size = trial.batch_size()
    if isinstance(size, bool) or not hasattr(size, "__index__") or int(size) < 1:
        raise TrialDefinitionError(
            f"{type(trial).__name__}.batch_size() returned {size!r}, expected an integer of at least 1."
        )
    return int(size)


def own_metrics(trial: Any, step: int) -> dict[str, Any]:
    """Returns what the trial's `compute_validation_metrics(step)` computed: {name: a number, or a list of them}.

    Raises:
      TrialDefinitionError: if it returned something else than {"num_inputs": n, "validation_metrics": {...}}.
    """
    result = call(trial.compute_validation_metrics, step)
    values = result.get("validation_metrics") if isinstance(result, Mapping) else None
    if not isinstance(values, Mapping):
        raise TrialDefinitionError(
            f"{type(trial).__name__}.compute_validation_metrics() returned {result!r}, expected "
            '{"num_inputs": n, "validation_metrics": {name: value}}.'
        )
    return {name: np.asarray(value, "float64").tolist() for name, value in values.items()}
