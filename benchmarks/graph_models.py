"""The graphs that `graph.py` is timed on: MNIST's shapes, random values, one definition for every contender."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from pedl.trial import TensorFlowTrial

v1 = tf.compat.v1

SAMPLES = {"mlp": 8192, "cnn": 2048}
BATCH_SIZE = {"mlp": 32, "cnn": 64}


def loss(name: str, images: tf.Tensor, labels: tf.Tensor, is_training: tf.Tensor) -> tf.Tensor:
    """Returns the mean loss of a batch of images, float32, (batch, 28, 28), with labels, int64, (batch,)."""
    x = {"mlp": _mlp, "cnn": _cnn}[name](images)
    x = tf.cond(is_training, lambda: tf.nn.dropout(x, 0.2), lambda: x)
    logits = _dense(x, 10, "digit")
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))


def _mlp(images):
    return tf.nn.relu(_dense(tf.reshape(images, [-1, 784]), 32, "hidden"))


def _cnn(images):
    x = images[..., tf.newaxis]
    for filters in (16, 32):
        with v1.variable_scope(f"conv{filters}"):
            kernel = v1.get_variable("kernel", [3, 3, x.shape[3], filters])
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID")), 2, 2, "VALID")
    return tf.reshape(x, [-1, 5 * 5 * 32])


def _dense(x, units, name):
    with v1.variable_scope(name):
        kernel = v1.get_variable("kernel", [x.shape[1], units])
        return x @ kernel + v1.get_variable("bias", [units], initializer=v1.zeros_initializer())


def optimizer() -> v1.train.Optimizer:
    return v1.train.AdamOptimizer(1e-3)


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns images: float32, (samples, 28, 28), and labels: int64, (samples,)."""
    generator = np.random.Generator(np.random.PCG64(1))
    size = SAMPLES[name]
    return generator.random((size, 28, 28), np.float32), generator.integers(0, 10, size)


class BenchmarkTrial(TensorFlowTrial):
    """The same for pedl; the hyperparameter "model" is the model's name."""

    def build_graph(self, record, is_training):
        return {"loss": loss(self.hparams["model"], record["image"], record["label"], is_training)}

    def optimizer(self):
        return optimizer()

    def batch_size(self):
        return BATCH_SIZE[self.hparams["model"]]

    def validation_metrics(self):
        return []

    def make_data_loaders(self, experiment_config, hparams):
        x, y = data(hparams["model"])
        return {"image": x, "label": y}, {"image": x[:64], "label": y[:64]}
