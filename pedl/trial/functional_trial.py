"""`KerasFunctionalTrial`: several inputs or outputs by name, a loss and metrics for each output."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import keras

from pedl.errors import TrialDefinitionError
from pedl.trial.losses import checked_loss
from pedl.trial.metrics import compile_metrics
from pedl.trial.model_trial import ModelTrial, mapping, not_none
from pedl.trial.targets import outputs_in_order

_METRICS = '{"accuracy": ("digit", "accuracy")}, a name and for it (output, metric)'
_LOSSES = '{"digit": "sparse_categorical_crossentropy", "large": "binary_crossentropy"}'


class KerasFunctionalTrial(ModelTrial):
    """A Keras model with several outputs, trained by pedl's loop.

    An output is named by its key where the model returns a dict, else by the layer that makes it (`model.output_names`
    has the names). Data are dicts by the names of inputs and outputs.

    Example:

        class DigitTrial(KerasFunctionalTrial):
            def build_model(self, hparams):
                layers = self.seeded.layers
                image = keras.Input((28, 28), name="image")
                hidden = layers.Dense(64, activation="relu", name="hidden")(layers.Flatten()(image))
                digit = layers.Dense(10, activation="softmax", name="digit")(hidden)
                large = layers.Dense(1, activation="sigmoid", name="large")(hidden)
                return keras.Model({"image": image}, {"digit": digit, "large": large})

            def optimizer(self):
                return keras.optimizers.Adam(self.hparams["learning_rate"])

            def losses(self):
                return {"digit": "sparse_categorical_crossentropy", "large": "binary_crossentropy"}

            def batch_size(self):
                return 64

            def validation_metrics(self):
                return {"accuracy": ("digit", "accuracy"), "large_accuracy": ("large", "accuracy")}

            def make_data_loaders(self, experiment_config, hparams):
                (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
                return part(x, y), part(x_test, y_test)

        def part(x, y):
            return {"image": x / 255.0}, {"digit": y, "large": y >= 5}

    Every method is called once per process, after the seeds are set: same hparams and seed, same answer.
    """

    @abstractmethod
    def losses(self) -> Mapping[str, Any]:
        """Returns output -> loss: a function f(y_true, y_pred), a `keras.losses.Loss`, or Keras's name for one.

        Outputs that have none are not trained. The loss of each is reported too, as Keras names it: `digit_loss`.
        """

    def loss_weights(self) -> Mapping[str, float]:
        """Returns output -> weight of its loss in the sum `loss`; 1 where there is none."""
        return {}

    @abstractmethod
    def validation_metrics(self) -> Mapping[str, tuple[str, Any]]:
        """Returns name -> (output, metric); a metric is what it is for a `KerasTrial`.

        Names are the user's own, never prefixed, and are what `searcher.metric` names; `loss`, the weighted sum, is
        always among them.
        """

    def compile_model(self, model: keras.Model) -> None:
        """Compiles the model with the trial's optimizer, losses and metrics. Override it for anything unusual."""
        losses = mapping(self, "losses", _LOSSES)
        weights = mapping(self, "loss_weights", '{"digit": 1.0, "large": 0.5}')
        validation, training = _by_output(self, "validation_metrics"), _by_output(self, "training_metrics")
        for hook, named in (("losses", losses), ("loss_weights", weights)):
            _check_outputs(self, model, hook, named)
        for output, loss in losses.items():
            checked_loss(f"{type(self).__name__}.losses() for the output {output}", loss)
        for hook, pairs in (("validation_metrics", validation), ("training_metrics", training)):
            _check_outputs(self, model, hook, {output for output, _ in pairs.values()})
        _check_names(self, {*validation, *training}, losses)
        metrics: dict[str, list[keras.metrics.Metric]] = {}
        for output in {output: None for output, _ in (*validation.values(), *training.values())}:
            metrics[output] = compile_metrics(_of(output, validation), _of(output, training), output)
        model.compile(
            optimizer=not_none(self, "optimizer", "for example: keras.optimizers.Adam(self.hparams['learning_rate'])"),
            loss=outputs_in_order(model, losses),
            loss_weights=outputs_in_order(model, {name: weights.get(name, 1.0) for name in losses}),
            weighted_metrics=outputs_in_order(model, metrics),
        )


def _by_output(trial: KerasFunctionalTrial, hook: str) -> Mapping[str, tuple[str, Any]]:
    pairs = mapping(trial, hook, _METRICS)
    for name, pair in pairs.items():
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2 and isinstance(pair[0], str)):
            raise TrialDefinitionError(
                f"{type(trial).__name__}.{hook}() has {pair!r} for {name!r}, expected (output, metric).\n"
                f"Return, for example: {_METRICS}"
            )
    return pairs


def _of(output: str, pairs: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    return {name: metric for name, (of, metric) in pairs.items() if of == output}


def _check_outputs(trial: KerasFunctionalTrial, model: keras.Model, hook: str, named: Any) -> None:
    outputs = getattr(model, "output_names", None)
    unknown = [] if outputs is None else sorted(set(named) - set(outputs))
    if unknown:
        raise TrialDefinitionError(
            f"{type(trial).__name__}.{hook}() names the output{'s' * (len(unknown) > 1)} {', '.join(unknown)}, which "
            f"the model does not have. Its outputs: {', '.join(outputs or ())}.\nName a layer that makes an output, or "
            "return a dict of outputs from the model."
        )


def _check_names(trial: KerasFunctionalTrial, names: set[str], losses: Mapping[str, Any]) -> None:
    taken = sorted(names & {f"{output}_loss" for output in losses})
    if taken:
        raise TrialDefinitionError(
            f"{type(trial).__name__} names a metric {taken[0]!r}, which is the name of an output's own loss and always "
            "reported. Give the metric another name."
        )
