"""`TensorFlowTrial`: a graph of `tf.compat.v1` that its author builds, trained by pedl's loop in a session."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.trial import Trial


class TensorFlowTrial(Trial):
    """A graph with a loss, trained by an optimizer of `tf.compat.v1.train`.

    Example:

        class MNistTrial(TensorFlowTrial):
            def build_graph(self, record, is_training):
                images = tf.reshape(record["image"], [-1, 784])
                weights = tf.compat.v1.get_variable("weights", [784, 10])
                rate = tf.where(is_training, 0.1, 0.0)
                logits = tf.nn.dropout(images, rate) @ weights
                losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=record["label"], logits=logits)
                right = tf.equal(tf.argmax(logits, 1), record["label"])
                return {"loss": tf.reduce_mean(losses), "accuracy": tf.reduce_mean(tf.cast(right, tf.float32))}

            def optimizer(self):
                return tf.compat.v1.train.AdamOptimizer(self.hparams["learning_rate"])

            def validation_metrics(self):
                return ["accuracy"]

            def batch_size(self):
                return 64

            def make_data_loaders(self, experiment_config, hparams):
                (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
                return {"image": x / 255.0, "label": y}, {"image": x_test / 255.0, "label": y_test}

    `tf.nn.dropout` and `tf.random.*` draw by place and batch, not from a running stream (`pedl.trial.graph_random`):
    they need no seed. Every method is called once per process, after the seeds are set: same hparams and seed, same
    answer. `make_data_loaders` is called eagerly; the graph is pedl's, made for this trial.
    """

    @abstractmethod
    def build_graph(self, record: Any, is_training: tf.Tensor) -> dict[str, tf.Tensor]:
        """Returns name -> tensor; "loss", a scalar, is what is minimized.

        Args:
          record: a batch of the data as placeholders, in the structure of the data: `record["image"]` of a dict,
            `image, label = record` of a tuple. Shapes are (None, ...): the last batch may be smaller. Arrays of
            floats come in Keras's floatx.
          is_training: bool, (): whether the batch is trained on.

        Operations in `tf.compat.v1.GraphKeys.UPDATE_OPS` are run with each training batch. All variables are part of a
        checkpoint.
        """

    @abstractmethod
    def optimizer(self) -> tf.compat.v1.train.Optimizer:
        """Returns a new optimizer; called within the graph, after `build_graph`."""

    @abstractmethod
    def validation_metrics(self) -> Sequence[str]:
        """Returns names that `build_graph` returns, to be computed over the whole validation set.

        Each is the mean over the batches, weighted by their sizes; tensors that are not scalars are reported as lists.
        "loss" is always among them.
        """

    def training_metrics(self) -> Sequence[str]:
        """Returns names to be reported for training, each a mean over a step's samples. "loss" is always among them."""
        return []

    def batch_size(self) -> int:
        """Returns the samples in a batch, at least 1. Needed where the data are arrays, which have no batches."""
        raise TrialDefinitionError(
            f"the data of {type(self).__name__} are arrays, and it has no batch_size(). Add it, for example:\n"
            "    def batch_size(self):\n        return 64"
        )

    def training_counter(self) -> tf.Tensor:
        """Returns the tensor that counts training batches: int64, (), 0 while the first is trained.

        It is fed, so it has no state; a schedule can be made of it in `build_graph` or `optimizer`.

        Raises:
          TrialDefinitionError: where no graph is built yet.
        """
        counter = self.__dict__.get("_training_counter")
        if counter is None:
            raise TrialDefinitionError(
                "self.training_counter() was called where no graph is built; expected within build_graph() or "
                "optimizer()."
            )
        return counter


_OF_KERAS = {
    "keras_callbacks": "Return pedl.trial.Callback instances from callbacks() instead.",
    "compute_validation_metrics": "Return what it computes as a tensor from build_graph(), under a name that "
    "validation_metrics() lists: pedl takes the mean over the validation set.",
}
"""Hooks that need a Keras model -> what to do instead."""


def check_hooks(trial: TensorFlowTrial) -> None:
    """Raises TrialDefinitionError if the trial has a hook that would never be called."""
    for hook, instead in _OF_KERAS.items():
        if hasattr(trial, hook):
            raise TrialDefinitionError(
                f"{type(trial).__name__} has {hook}(), which needs a Keras model; a TensorFlowTrial has none, and it "
                f"would never be called. {instead}"
            )


def checked_outputs(trial: TensorFlowTrial, outputs: object) -> dict[str, tf.Tensor]:
    """Returns what `build_graph` returned, as tensors.

    Raises:
      TrialDefinitionError: if it is no dict of names and tensors with a scalar "loss".
    """
    where = f"{type(trial).__name__}.build_graph()"
    if not isinstance(outputs, Mapping) or not all(isinstance(name, str) for name in outputs):
        raise TrialDefinitionError(
            f"{where} returned {_shown(outputs)}, expected a dict of name: tensor.\nReturn one, for example: "
            '{"loss": loss, "accuracy": accuracy}'
        )
    if "loss" not in outputs:
        raise TrialDefinitionError(
            f'{where} returned no "loss", only {_listed(outputs)}. Add the tensor to minimize: {{"loss": loss, ...}}'
        )
    tensors = {}
    for name, value in outputs.items():
        try:
            if isinstance(value, (tuple, list)):  # TensorFlow would stack them.
                raise TypeError
            tensors[name] = tf.identity(value)  # What is fed cannot be fetched as it is.
        except (TypeError, ValueError):
            raise TrialDefinitionError(
                f"{where} returned {_shown(value)} as {name!r}, expected a tensor. A metric of tf.compat.v1.metrics is "
                "a pair; return a tensor of this batch instead: pedl takes the mean over batches."
            ) from None
    loss = tensors["loss"]
    if loss.shape.rank != 0 or not loss.dtype.is_floating:
        raise TrialDefinitionError(
            f'{where} returned a "loss" of shape {loss.shape} and dtype {loss.dtype.name}, expected a float scalar. '
            "Take its mean: tf.reduce_mean(loss)"
        )
    for name, tensor in tensors.items():
        if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
            raise TrialDefinitionError(f"{where} returned {name!r} of dtype {tensor.dtype.name}, expected numbers.")
    return tensors


def checked_optimizer(trial: TensorFlowTrial, optimizer: object) -> tf.compat.v1.train.Optimizer:
    """Returns the optimizer; raises TrialDefinitionError if it is none of `tf.compat.v1.train`."""
    if not isinstance(optimizer, tf.compat.v1.train.Optimizer):
        raise TrialDefinitionError(
            f"{type(trial).__name__}.optimizer() returned {_shown(optimizer)}, expected a "
            "tf.compat.v1.train.Optimizer.\n"
            'Return one, for example: tf.compat.v1.train.AdamOptimizer(self.hparams["learning_rate"])'
        )
    return optimizer


def checked_metrics(trial: TensorFlowTrial, hook: str, outputs: Mapping[str, tf.Tensor]) -> list[str]:
    """Returns the names of a hook with "loss", sorted.

    Raises:
      TrialDefinitionError: if they are no names, or not among the graph's outputs, which are listed.
    """
    where = f"{type(trial).__name__}.{hook}()"
    names = getattr(trial, hook)()
    if not isinstance(names, (list, tuple, set, frozenset)) or not all(isinstance(name, str) for name in names):
        raise TrialDefinitionError(
            f"{where} returned {names!r}, expected a list of names that build_graph() returns, for example: "
            '["accuracy"]'
        )
    unknown = [name for name in names if name not in outputs]
    if unknown:
        raise TrialDefinitionError(
            f"{where} names {', '.join(map(repr, unknown))}, which build_graph() does not return. It returns "
            f"{_listed(outputs)}."
        )
    return sorted({"loss", *names})


def _listed(outputs: Mapping[str, Any]) -> str:
    return ", ".join(sorted(outputs)) or "nothing"


def _shown(value: object) -> str:
    return "None" if value is None else f"{type(value).__module__.partition('.')[0]} {type(value).__name__}"
