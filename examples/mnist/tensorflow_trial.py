"""Handwritten digits as a graph of `tf.compat.v1`: the author builds the graph, pedl trains it in a session.

`tf.nn.dropout` needs no seed: in a trial's graph, ordinary random operations draw by their place in the graph and by
the batch's number. The data, too, are given as they are; pedl feeds them.
"""

from pathlib import Path

import numpy as np
import tensorflow as tf

from pedl.trial import TensorFlowTrial

v1 = tf.compat.v1


class MNistTrial(TensorFlowTrial):
    def session_config(self):
        """pedl's own, with two threads for each operation instead of four: bits depend on that number."""
        config = super().session_config()
        config.intra_op_parallelism_threads = 2
        return config

    def build_graph(self, record, is_training):
        filters = self.hparams["filters"]
        x = convolution(record["image"], filters, "strokes")
        x = convolution(x, 2 * filters, "shapes")
        x = tf.reshape(x, [-1, x.shape[1] * x.shape[2] * x.shape[3]])
        x = tf.cond(is_training, lambda: tf.nn.dropout(x, self.hparams["dropout"]), lambda: x)
        with v1.variable_scope("digit"):
            kernel = v1.get_variable("kernel", [x.shape[1], 10])
            bias = v1.get_variable("bias", [10], initializer=v1.zeros_initializer())
        logits = x @ kernel + bias
        digit = tf.argmax(logits, axis=1)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=record["label"], logits=logits)
        return {
            "loss": tf.reduce_mean(losses),
            "accuracy": tf.reduce_mean(tf.cast(tf.equal(digit, record["label"]), tf.float32)),
            "predicted": tf.reduce_mean(tf.one_hot(digit, 10), axis=0),
        }

    def optimizer(self):
        # The batches trained so far are a tensor, for schedules such as this one.
        rate = v1.train.exponential_decay(self.hparams["learning_rate"], self.training_counter(), 100, 0.9)
        return v1.train.AdamOptimizer(rate)

    def batch_size(self):
        return self.hparams["batch_size"]

    def training_metrics(self):
        return ["accuracy"]

    def validation_metrics(self):
        """Besides a number, a list: how often each digit was predicted."""
        return ["accuracy", "predicted"]

    def make_data_loaders(self, experiment_config, hparams):
        with np.load(Path(__file__).parent / "mnist_10k.npz") as data:
            return records(data["x_train"], data["y_train"]), records(data["x_test"], data["y_test"])


def convolution(x, filters, name):
    """float32 (batch, height, width, channels) to (batch, about height / 2, about width / 2, filters)."""
    with v1.variable_scope(name):
        kernel = v1.get_variable("kernel", [3, 3, x.shape[3], filters])
        bias = v1.get_variable("bias", [filters], initializer=v1.zeros_initializer())
    return tf.nn.max_pool2d(tf.nn.relu(tf.nn.conv2d(x, kernel, 1, "VALID") + bias), 2, 2, "VALID")


def records(images, labels):
    """What build_graph gets as `record`, a batch at a time: image, float32 (n, 28, 28, 1) in [0, 1]; label, int64."""
    return {"image": images[..., np.newaxis].astype("float32") / 255.0, "label": labels.astype("int64")}
