"""`KerasTrial`: one input structure, one output, one loss; the class that most people subclass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import keras

from pedl.errors import TrialDefinitionError
from pedl.trial.metrics import compile_metrics
from pedl.trial.trial import Trial, call


class KerasTrial(Trial):
    """A Keras model with one loss, trained by pedl's loop.

    Example:

        class MNistTrial(KerasTrial):
            def build_model(self, hparams):
                layers = self.seeded.layers
                return keras.Sequential([
                    keras.Input((28, 28)),
                    layers.Flatten(),
                    layers.Dense(hparams["units"], activation="relu", name="hidden"),
                    layers.Dense(10, activation="softmax", name="digit"),
                ])

            def optimizer(self):
                return keras.optimizers.Adam(self.hparams["learning_rate"])

            def loss(self):
                return "sparse_categorical_crossentropy"

            def batch_size(self):
                return 64

            def validation_metrics(self):
                return {"accuracy": "accuracy"}

            def make_data_loaders(self, experiment_config, hparams):
                (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
                return (x / 255.0, y), (x_test / 255.0, y_test)

    Every method is called once per process, after the seeds are set: same hparams and seed, same answer.
    """

    @abstractmethod
    def build_model(self, hparams: Mapping[str, Any]) -> keras.Model:
        """Returns the model; it need neither be built nor compiled."""

    @abstractmethod
    def optimizer(self) -> keras.optimizers.Optimizer:
        """Returns a new optimizer."""

    @abstractmethod
    def loss(self) -> Any:
        """Returns the loss: a function f(y_true, y_pred), a `keras.losses.Loss`, or Keras's name for one."""

    @abstractmethod
    def batch_size(self) -> int:
        """Returns the samples in a batch of arrays, at least 1. Data sets that make their own batches ignore it."""

    @abstractmethod
    def validation_metrics(self) -> Mapping[str, Any]:
        """Returns name -> metric: a function f(y_true, y_pred), a `keras.metrics.Metric`, or Keras's name for one.

        Names are the user's own, and are what `searcher.metric` names; `loss` is always among them. Each is computed
        over the whole validation set, weighted by the sizes of its batches and by `sample_weight` where there is one.
        """

    def training_metrics(self) -> Mapping[str, Any]:
        """Returns the same for training, where each is a mean over a step's samples. `loss` is always among them."""
        return {}

    def compile_model(self, model: keras.Model) -> None:
        """Compiles the model with the trial's optimizer, loss and metrics. Override it for anything unusual."""
        model.compile(
            optimizer=_not_none(self, "optimizer", "for example: keras.optimizers.Adam(self.hparams['learning_rate'])"),
            loss=_not_none(self, "loss", "for example: 'sparse_categorical_crossentropy'"),
            weighted_metrics=compile_metrics(_mapping(self, "validation_metrics"), _mapping(self, "training_metrics")),
        )


def _not_none(trial: KerasTrial, hook: str, example: str) -> Any:
    value = getattr(trial, hook)()
    if value is None:
        raise TrialDefinitionError(f"{type(trial).__name__}.{hook}() returned None.\nReturn one, {example}.")
    return value


def _mapping(trial: KerasTrial, hook: str) -> Mapping[str, Any]:
    value = getattr(trial, hook)()
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise TrialDefinitionError(
            f"{type(trial).__name__}.{hook}() returned {value!r}, expected a dict of name: metric.\n"
            'Return one, for example: {"accuracy": "accuracy"}'
        )
    return value


def built_model(trial: KerasTrial) -> keras.Model:
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
    trial.compile_model(model)
    if not model.compiled:
        raise TrialDefinitionError(
            f"{name}.compile_model() did not compile the model.\nCall model.compile(...) in it, or leave it out."
        )
    if model.jit_compile:
        raise TrialDefinitionError(
            f"{name}.compile_model() asks for jit_compile=True. On the CPU, XLA gives other bits than the recorded "
            "operations and is "
            "dropped silently under op determinism. Leave jit_compile out."
        )
    return model


def checked_batch_size(trial: KerasTrial) -> int:
    """Returns the trial's batch size; raises TrialDefinitionError if it is no integer of at least 1."""
    size = trial.batch_size()
    if isinstance(size, bool) or not hasattr(size, "__index__") or int(size) < 1:
        raise TrialDefinitionError(
            f"{type(trial).__name__}.batch_size() returned {size!r}, expected an integer of at least 1."
        )
    return int(size)
