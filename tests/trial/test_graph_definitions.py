"""Mistakes in a `TensorFlowTrial` are told before anything is trained: what came, what was expected, what to write."""

from __future__ import annotations

import re

import pytest

from tests.trial.alone import Failed

DEFINITION = """
import keras
import numpy as np
import tensorflow as tf

from pedl.trial import TensorFlowTrial

v1 = tf.compat.v1


class Trial(TensorFlowTrial):
    def build_graph(self, record, is_training):
        w = v1.get_variable("w", [4])
        error = (record["x"] * w - 1.0) ** 2
        return {"loss": tf.reduce_mean(error), "column": tf.reduce_mean(error, 0), "sample": tf.reduce_mean(error, 1)}

    def optimizer(self):
        return v1.train.GradientDescentOptimizer(0.1)

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return ["column"]

    def make_data_loaders(self, experiment_config, hparams):
        return {"x": np.ones((6, 4))}, {"x": np.ones((6, 4))}
"""

BUILD = "    def build_graph(self, record, is_training):\n        "
VALIDATION = '        return {"x": np.ones((6, 4))}, {"x": np.ones((6, 4))}'

WRONG = {
    "no build_graph": (
        "def build_graph(",
        "def build(",
        "Trial lacks 1 method that a TensorFlowTrial must have. Add:\n"
        "    def build_graph(self, record: Any, is_training: tf.Tensor) -> dict[str, tf.Tensor]",
    ),
    "no optimizer": (
        "def optimizer(",
        "def optimiser(",
        "Add:\n    def optimizer(self) -> tf.compat.v1.train.Optimizer",
    ),
    "nothing returned": (
        BUILD,
        BUILD + "return\n        ",
        "Trial.build_graph() returned None, expected a dict of name: tensor.",
    ),
    "no loss": (
        BUILD,
        BUILD + 'return {"cost": tf.constant(1.0), "accuracy": tf.constant(1.0)}\n        ',
        'Trial.build_graph() returned no "loss", only accuracy, cost. Add the tensor to minimize: {"loss": loss, ...}',
    ),
    "a loss for each sample": (
        "tf.reduce_mean(error),",
        "tf.reduce_mean(error, 1),",
        'returned a "loss" of shape (None,) and dtype float32, expected a float scalar. Take its mean: tf.reduce_mean',
    ),
    "a pair of a streaming metric": (
        BUILD,
        BUILD + 'return {"loss": tf.constant(1.0), "mean": v1.metrics.mean(record["x"])}\n        ',
        "as 'mean', expected a tensor. A metric of tf.compat.v1.metrics is a pair; return a tensor of this batch",
    ),
    "text": (
        BUILD,
        BUILD + 'return {"loss": tf.constant(1.0), "text": tf.constant("a")}\n        ',
        "returned 'text' of dtype string, expected numbers.",
    ),
    "optimizer returns None": (
        "return v1.train.GradientDescentOptimizer(0.1)",
        "pass",
        "Trial.optimizer() returned None, expected a tf.compat.v1.train.Optimizer.\nReturn one, for example: "
        'tf.compat.v1.train.AdamOptimizer(self.hparams["learning_rate"])',
    ),
    "optimizer of Keras": (
        "v1.train.GradientDescentOptimizer(0.1)",
        "keras.optimizers.SGD(0.1)",
        "Trial.optimizer() returned keras SGD, expected a tf.compat.v1.train.Optimizer.",
    ),
    "unknown metric": (
        'return ["column"]',
        'return ["column", "accuracy"]',
        "which build_graph() does not return. It returns column, loss, sample.",
    ),
    "unknown training metric": (
        "    def batch_size",
        '    def training_metrics(self):\n        return ["precision"]\n\n    def batch_size',
        "Trial.training_metrics() names 'precision', which build_graph() does not return.",
    ),
    "a name instead of a list": (
        'return ["column"]',
        'return "column"',
        "Trial.validation_metrics() returned 'column', expected a list of names that build_graph() returns",
    ),
    "a mean of shapes that differ": (
        'return ["column"]',
        'return ["sample"]',
        "'sample' has shape (2,) for a batch of 2, and had (4,) before, expected one shape",
    ),
    "nothing to train": (
        '"w", [4]',
        '"w", [4], trainable=False',
        "the loss of Trial depends on no trainable variable. Make variables with tf.compat.v1.get_variable",
    ),
    "no batch size": (
        "def batch_size(",
        "def batches(",
        "the data of Trial are arrays, and it has no batch_size(). Add it, for example:\n    def batch_size(self):",
    ),
    "callbacks of Keras": (
        "    def batch_size",
        "    def keras_callbacks(self):\n        return []\n\n    def batch_size",
        "Trial has keras_callbacks(), which needs a Keras model; a TensorFlowTrial has none, and it would never be "
        "called. Return pedl.trial.Callback instances from callbacks() instead.",
    ),
    "metrics computed beside the graph": (
        "    def batch_size",
        "    def compute_validation_metrics(self, step_id):\n        return {}\n\n    def batch_size",
        "Trial has compute_validation_metrics(), which needs a Keras model; a TensorFlowTrial has none, and it would "
        "never be called. Return what it computes as a tensor from build_graph(), under a name that "
        "validation_metrics() lists",
    ),
    "a counter outside of a graph": (
        VALIDATION,
        "        self.training_counter()",
        "self.training_counter() was called where no graph is built; expected within build_graph() or optimizer().",
    ),
    "validation of other names": (
        VALIDATION,
        VALIDATION.replace('{"x": np.ones((6, 4))}, {"x"', '{"x": np.ones((6, 4))}, {"y"'),
        "training batches are x: float32, but another batch of the training or validation data is y: float32",
    ),
    "validation of another rank": (
        VALIDATION,
        VALIDATION[: -len("((6, 4))}")] + "((6, 4, 1))}",
        "batches have shapes (None, 4) and (4, 4, 1), expected the same number of dimensions.",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_mistake_is_told_with_what_to_do(alone, tmp_path, what):
    old, new, message = WRONG[what]
    assert old in DEFINITION
    file = tmp_path / "definition.py"
    file.write_text(DEFINITION.replace(old, new))
    with pytest.raises(Failed, match="TrialDefinitionError: (?s:.*)" + re.escape(message)):
        alone(file, ["train", 2], ["validate"])


def test_without_a_mistake_it_is_trained(alone, tmp_path):
    file = tmp_path / "definition.py"
    file.write_text(DEFINITION)
    assert set(alone(file, ["train", 2], ["validate"])[1]) == {"loss", "column"}
