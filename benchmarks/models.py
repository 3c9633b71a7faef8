"""The models and data that the loop is timed on: MNIST's shapes, random values, one definition for every contender."""

from __future__ import annotations

import keras
import numpy as np

from pedl.trial import KerasTrial

SAMPLES = {"mlp": 8192, "lstm": 2048, "cnn": 2048}
BATCH_SIZE = {"mlp": 32, "lstm": 32, "cnn": 64}


def build(name: str) -> keras.Model:
    """Returns a new model, not compiled, for images: float32, (batch, 28, 28), in [0, 1]."""
    inputs = keras.Input((28, 28))
    return keras.Model(inputs, {"mlp": _mlp, "lstm": _lstm, "cnn": _cnn}[name](inputs))


def _mlp(x):
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(32, activation="relu")(x)
    x = keras.layers.Dropout(0.2)(x)
    return keras.layers.Dense(10, activation="softmax")(x)


def _lstm(x):
    return keras.layers.Dense(10, activation="softmax")(keras.layers.LSTM(32)(x))


def _cnn(x):
    x = keras.layers.Reshape((28, 28, 1))(x)
    for filters in (16, 32):
        x = keras.layers.Conv2D(filters, 3)(x)
        x = keras.layers.BatchNormalization()(x)
        x = keras.layers.Activation("relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    return keras.layers.Dense(10, activation="softmax")(keras.layers.Flatten()(x))


def optimizer() -> keras.optimizers.Optimizer:
    return keras.optimizers.Adam(1e-3)


LOSS = "sparse_categorical_crossentropy"


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns images: float32, (samples, 28, 28), and labels: int64, (samples,)."""
    generator = np.random.Generator(np.random.PCG64(1))
    size = SAMPLES[name]
    return generator.random((size, 28, 28), np.float32), generator.integers(0, 10, size)


class BenchmarkTrial(KerasTrial):
    """The same for pedl; the hyperparameter "model" is the model's name."""

    def build_model(self, hparams):
        return build(hparams["model"])

    def optimizer(self):
        return optimizer()

    def loss(self):
        return LOSS

    def batch_size(self):
        return BATCH_SIZE[self.hparams["model"]]

    def validation_metrics(self):
        return {}

    def make_data_loaders(self, experiment_config, hparams):
        x, y = data(hparams["model"])
        return (x, y), (x[:64], y[:64])
