"""`KerasTrial`: one output, one loss; the class that most people subclass."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import keras

from pedl.trial.losses import checked_loss
from pedl.trial.metrics import compile_metrics
from pedl.trial.model_trial import ModelTrial, mapping, not_none

_METRICS = '{"accuracy": "accuracy"}'


class KerasTrial(ModelTrial):
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
    def loss(self) -> Any:
        """Returns the loss: a function f(y_true, y_pred), a `keras.losses.Loss`, or Keras's name for one."""

    @abstractmethod
    def validation_metrics(self) -> Mapping[str, Any]:
        """Returns name -> metric: a function f(y_true, y_pred), a `keras.metrics.Metric`, or Keras's name for one.

        Names are the user's own, and are what `searcher.metric` names; `loss` is always among them. Each is computed
        over the whole validation set, weighted by the sizes of its batches and by `sample_weight` where there is one.
        """

    def class_weight(self) -> Mapping[int, float] | None:
        """Returns class -> weight of its samples' losses in training, or None: all weigh 1.

        As `fit(class_weight=...)`; where the data have sample weights too, the two are multiplied.
        """
        return None

    def compile_model(self, model: keras.Model) -> None:
        """Compiles the model with the trial's optimizer, loss and metrics. Override it for anything unusual."""
        model.compile(
            optimizer=not_none(self, "optimizer", "for example: keras.optimizers.Adam(self.hparams['learning_rate'])"),
            loss=checked_loss(
                f"{type(self).__name__}.loss()",
                not_none(self, "loss", "for example: 'sparse_categorical_crossentropy'"),
            ),
            weighted_metrics=compile_metrics(
                mapping(self, "validation_metrics", _METRICS), mapping(self, "training_metrics", _METRICS)
            ),
        )
