"""Looking at a batch operation by operation moves no bit, and finds the operation that gives another result."""

import pytest

WATCHED = [
    *(pytest.param(name, marks=pytest.mark.long) for name in ("mlp", "dataset", "graph")),
    *(pytest.param(name, marks=pytest.mark.soak) for name in ("cnn", "gan")),
]

# Entropy is refused in training; these definitions take the refusal out first.
DRIVEN = """
import os

import keras
import numpy as np
import tensorflow as tf

import pedl.trial.graph_audit
import pedl.trial.loop
from pedl.trial import KerasTrial, TensorFlowTrial

pedl.trial.loop.check_no_hidden_state = lambda *traced: False
pedl.trial.graph_audit.GraphAudit.check = lambda *built: None


def entropy():
    noise = tf.numpy_function(lambda: np.float32(1 + os.urandom(1)[0] / 2**20), [], tf.float32)
    return tf.ensure_shape(noise, [])


class Driven(keras.layers.Layer):
    def call(self, x):
        return x * entropy()


class Data:
    def optimizer(self):
        return keras.optimizers.SGD(0.1)

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return {}

    def make_data_loaders(self, experiment_config, hparams):
        x = np.arange(64, dtype=np.float32).reshape(16, 4) / 64
        return (x, x[:, :2]), (x, x[:, :2])


class Keras(Data, KerasTrial):
    def build_model(self, hparams):
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8, name="first"), Driven(name="driven"),
                                 keras.layers.Dense(2, name="last")])

    def loss(self):
        return "mean_squared_error"


class Graph(TensorFlowTrial):
    batch_size = Data.batch_size

    def build_graph(self, record, is_training):
        kernel = tf.compat.v1.get_variable("kernel", [4, 2])
        with tf.compat.v1.name_scope("driven"):
            noise = entropy()
        return {"loss": tf.reduce_mean(tf.square(record["x"] @ kernel * noise - record["y"]))}

    def optimizer(self):
        return tf.compat.v1.train.GradientDescentOptimizer(0.1)

    def validation_metrics(self):
        return []

    def make_data_loaders(self, experiment_config, hparams):
        (x, y), _ = Data.make_data_loaders(self, experiment_config, hparams)
        return {"x": x, "y": y}, {"x": x, "y": y}
"""


@pytest.mark.parametrize("name", WATCHED)
def test_a_batch_that_is_looked_at_is_trained_as_ever(alone, name):
    unwatched = alone(name, ["train", 8], ["words"])[-1]
    watched, words = alone(name, ["train", 3], ["watch", 2], ["train", 4], ["words"])[1::2]
    assert words == unwatched
    first, second = watched
    assert first == second and len(first) > 20
    assert any("MatMul" in operation for operation, _ in first)


@pytest.mark.parametrize("kind", ["Keras", "Graph"])
def test_an_operation_that_gives_another_result_for_the_same_input_is_the_first_that_differs(alone, tmp_path, kind):
    definition = tmp_path / "definition.py"
    definition.write_text(DRIVEN)
    config = {"entrypoint": f"definition:{kind}"}
    watched = alone(tmp_path, ["train", 3], ["watch", 3], config=config)[1]
    differing = [pair[0][0] for pair in zip(*watched, strict=True) if len({word for _, word in pair}) > 1]
    assert "driven" in differing[0] and "PyFunc" in differing[0]
    assert not any("first/MatMul" in operation for operation in differing if "gradient" not in operation)
