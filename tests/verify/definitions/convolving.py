"""Convolutions whose gradients are summed by all threads of the pool: another pool, other bits."""

import keras
import numpy as np
import tensorflow as tf

from pedl.trial import KerasTrial, TensorFlowTrial

v1 = tf.compat.v1


def images():
    generator = np.random.default_rng(5)
    return generator.normal(size=(32, 28, 28, 1)).astype(np.float32), generator.integers(0, 3, 32)


class ConvolvingTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(16, 5, activation="relu", name="conv"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, activation="softmax", name="out"),
            ]
        )

    def optimizer(self):
        return keras.optimizers.SGD(0.1)

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return 16

    def validation_metrics(self):
        return {}

    def make_data_loaders(self, experiment_config, hparams):
        return images(), images()


class ConvolvingGraphTrial(TensorFlowTrial):
    def build_graph(self, record, is_training):
        kernel = v1.get_variable("kernel", [5, 5, 1, 16])
        out = v1.get_variable("out", [16, 3])
        x = tf.reduce_mean(tf.nn.relu(tf.nn.conv2d(record["x"], kernel, 1, "VALID")), [1, 2]) @ out
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=record["y"], logits=x)
        return {"loss": tf.reduce_mean(losses)}

    def optimizer(self):
        return v1.train.GradientDescentOptimizer(0.1)

    def batch_size(self):
        return 16

    def validation_metrics(self):
        return []

    def make_data_loaders(self, experiment_config, hparams):
        x, y = images()
        return {"x": x, "y": y}, {"x": x, "y": y}
