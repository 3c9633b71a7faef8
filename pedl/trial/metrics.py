"""Metrics under the user's names, and the rule which of them a training step computes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

from pedl import jsontext
from pedl.errors import TrialDefinitionError
from pedl.near import nearest
from pedl.trial.losses import names_taken


def compile_metrics(
    validation: Mapping[str, Any], training: Mapping[str, Any], output: str | None = None
) -> list[keras.metrics.Metric]:
    """Returns the metrics to compile a model with, in the order of their names.

    Args:
      validation: name -> Keras function, object or name, computed while validating.
      training: the same, computed while training too. A name that is in both must mean the same.
      output: the output that they are about, where a model has several.

    Raises:
      TrialDefinitionError: if a metric is none that Keras knows, or a name is taken.
    """
    metrics: list[keras.metrics.Metric] = []
    for name in sorted({*validation, *training}):
        if name == "loss":
            raise TrialDefinitionError(
                "a metric is named 'loss', which is always reported and names the loss itself. Give the metric another "
                "name."
            )
        metric = as_metric(name, validation[name] if name in validation else training[name])
        metrics.append(
            Selective(metric, name=name, training=name in training, validation=name in validation, output=output)
        )
    return metrics


def as_metric(name: str, metric: Any) -> keras.metrics.Metric:
    """Returns a Keras metric for what a user gave under `name`: a function, a metric object, or Keras's name for
    one.
    """
    if isinstance(metric, str):
        metric = accuracy if metric in ("accuracy", "acc") else _keras_metric(name, metric)
    if isinstance(metric, type) and issubclass(metric, keras.metrics.Metric):
        metric = metric()
    if isinstance(metric, keras.metrics.Metric):
        return metric
    if callable(metric):
        mean = keras.metrics.MeanMetricWrapper(metric, name=name)
        if metric is accuracy:
            mean._direction = "up"
        return mean
    raise TrialDefinitionError(
        f"metric {name!r} is {type(metric).__name__} {str(metric)[:60]!r}, expected a function f(y_true, y_pred), a "
        "keras.metrics.Metric, or its name, for example 'accuracy'."
    )


def _keras_metric(name: str, identifier: str) -> Any:
    try:
        return keras.metrics.get(identifier)
    except (TypeError, ValueError):  # the first: a class that wants arguments
        meant = nearest(identifier, [*names_taken(keras.metrics), "accuracy"])
        raise TrialDefinitionError(
            f"metric {name!r} is {identifier!r}, which is not the name of a Keras metric{meant or '.'}\n"
            "Write it as Keras does, for example 'accuracy' or 'mean_absolute_error', or give the function itself."
        ) from None


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """The accuracy that fits the shapes, chosen as Keras chooses for the name "accuracy".

    Args:
      y_true: (batch,), (batch, 1) or (batch, classes).
      y_pred: (batch, 1) for binary, (batch, classes) for categorical targets.

    Returns:
      (batch,): 1 where right, 0 where wrong.
    """
    binary = y_pred.shape[-1] == 1
    sparse = len(y_true.shape) < len(y_pred.shape) or y_true.shape[-1] == 1
    function: Callable[..., Any]
    if binary:
        function = keras.metrics.binary_accuracy
    elif sparse:
        function = keras.metrics.sparse_categorical_accuracy
    else:
        function = keras.metrics.categorical_accuracy
    return function(y_true, y_pred)


keras.saving.register_keras_serializable("pedl")(accuracy)


@keras.saving.register_keras_serializable("pedl")
class Selective(keras.metrics.Metric):
    """A metric under the user's name that sleeps in the phase that does not report it.

    Keras compiles one set of metrics for both phases; computing a validation metric for every training batch would
    be time spent on numbers that nobody sees. The phase is fixed while a function is traced (`phase`).
    """

    def __init__(
        self, metric: keras.metrics.Metric, *, name: str, training: bool, validation: bool, output: str | None = None
    ) -> None:
        super().__init__(name=name)
        self._metric = metric
        self._output = output
        if hasattr(metric, "_direction"):  # which way it improves, for EarlyStopping and its like
            self._direction = metric._direction
        self.phases = frozenset(["training"] * training + ["validation"] * validation)

    @property
    def keras_names(self) -> set[str]:
        """The names under which Keras may report it."""
        return {self.name, f"{self._output}_{self.name}"}

    def update_state(self, *args: Any, **kwargs: Any) -> Any:
        if _phase in self.phases:
            return self._metric.update_state(*args, **kwargs)
        if not getattr(self._metric, "_built", True):
            _build(self._metric, args, kwargs)
        return None

    def result(self) -> Any:
        return self._metric.result() if _phase in self.phases else 0.0

    def reset_state(self) -> None:
        self._metric.reset_state()

    def get_config(self) -> dict[str, Any]:
        """Returns the arguments, for `clone_model`, which compiles the clone, too."""
        phases = {name: name in self.phases for name in ("training", "validation")}
        metric = keras.saving.serialize_keras_object(self._metric)
        return {"metric": metric, "name": self.name, "output": self._output, **phases}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Selective:
        """Returns a new one of these arguments."""
        return cls(keras.saving.deserialize_keras_object(config.pop("metric")), **config)


def _build(metric: keras.metrics.Metric, args: Any, kwargs: Any) -> None:
    """Makes the variables of a metric that makes them at its first update, as R2Score does; updates nothing."""
    specs = tf.nest.map_structure(lambda it: it if it is None else tf.TensorSpec(it.shape, it.dtype), (args, kwargs))
    tf.function(lambda given, named: metric.update_state(*given, **named), autograph=False).get_concrete_function(
        *specs
    )


_phase = "training"


@contextmanager
def phase(name: str) -> Iterator[None]:
    """While it lasts, only metrics of the phase "training" or "validation" are updated by what is traced or run."""
    global _phase
    before, _phase = _phase, name
    try:
        yield
    finally:
        _phase = before


def reported(model: keras.Model, name: str) -> dict[str, Any]:
    """Returns what the phase `name` reports now, as Python numbers or lists of them: the user's metrics under the names
    that the user gave, whatever Keras puts before them, and what else Keras has.
    """
    ours = _selective(model)
    theirs = {key for metric in ours for key in metric.keras_names}
    with phase(name):
        result = {key: value for key, value in jsontext.flat(model.get_metrics_result()).items() if key not in theirs}
        result |= {metric.name: metric.result() for metric in ours if name in metric.phases}
    return {key: _plain(value) for key, value in sorted(result.items())}


def _selective(model: keras.Model) -> list[Selective]:
    found: list[Selective] = []
    pending = list(model.metrics)
    while pending:
        metric = pending.pop()
        if isinstance(metric, Selective):
            found.append(metric)
        pending += list(getattr(metric, "metrics", ()))
    return found


def _plain(value: Any) -> Any:
    return keras.ops.convert_to_numpy(value).astype("float64").tolist()
