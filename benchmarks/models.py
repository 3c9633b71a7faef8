"""The models and data that the loop is timed on: random values, one definition for every contender.

"mlp" is a small table's: 16 columns, 5,898 weights. All others have MNIST's shapes; "mnist_mlp" has 25,450 weights.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from gan_model import Gan

from pedl.trial import KerasFunctionalTrial, KerasTrial

SAMPLES = {"mlp": 8192, "mnist_mlp": 8192, "lstm": 2048, "cnn": 2048, "functional": 8192, "gan": 4096}
BATCH_SIZE = {"mlp": 32, "mnist_mlp": 32, "lstm": 32, "cnn": 64, "functional": 32, "gan": 32}


def build(name: str) -> keras.Model:
    """Returns a new model, not compiled, for the inputs of `data`: float32, in [0, 1]."""
    if name == "gan":
        return Gan()
    if name == "functional":
        return _functional()
    if name == "mlp":
        return _mlp()
    inputs = keras.Input((28, 28))
    return keras.Model(inputs, {"mnist_mlp": _mnist_mlp, "lstm": _lstm, "cnn": _cnn}[name](inputs))


def compiled(name: str, steps_per_execution: int) -> keras.Model:
    """Returns a new model for `fit`."""
    model = build(name)
    if name == "gan":
        model.compile(optimizer(), optimizer(), steps_per_execution=steps_per_execution)
    elif name == "functional":
        model.compile(optimizer(), LOSSES, loss_weights=LOSS_WEIGHTS, steps_per_execution=steps_per_execution)
    else:
        model.compile(optimizer(), LOSS, steps_per_execution=steps_per_execution)
    return model


def _functional():
    image, row = keras.Input((28, 28), name="image"), keras.Input((28,), name="row")
    x = keras.layers.concatenate([keras.layers.Flatten()(image), row])
    x = keras.layers.Dropout(0.2)(keras.layers.Dense(32, activation="relu")(x))
    digit = keras.layers.Dense(10, activation="softmax", name="digit")(x)
    large = keras.layers.Dense(1, activation="sigmoid", name="large")(x)
    return keras.Model({"image": image, "row": row}, {"digit": digit, "large": large})


def _mlp():
    dense, dropout = keras.layers.Dense(64, activation="relu"), keras.layers.Dropout(0.2)
    hidden, output = keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10, activation="softmax")
    return keras.Sequential([keras.Input((16,)), dense, dropout, hidden, output])


def _mnist_mlp(x):
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
LOSSES = {"digit": LOSS, "large": "binary_crossentropy"}
LOSS_WEIGHTS = {"digit": 1.0, "large": 0.5}


def data(name: str) -> tuple[Any, ...]:
    """Returns (images, labels): float32, (samples, 28, 28), and int64, (samples,); rows of 16 columns for "mlp", dicts
    of images, a row of each and a second label for "functional", and images alone for "gan".
    """
    generator = np.random.Generator(np.random.PCG64(1))
    size = SAMPLES[name]
    if name == "mlp":
        return generator.random((size, 16), np.float32), generator.integers(0, 10, size)
    images, labels = generator.random((size, 28, 28), np.float32), generator.integers(0, 10, size)
    if name == "gan":
        return (images,)
    if name == "functional":
        return {"image": images, "row": images[:, 14]}, {"digit": labels, "large": (labels >= 5).astype("float32")}
    return images, labels


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
        training = data(hparams["model"])
        return training, keras.tree.map_structure(lambda array: array[:64], training)


class GanBenchmarkTrial(BenchmarkTrial):
    def compile_model(self, model):
        model.compile(optimizer(), optimizer())


class FunctionalBenchmarkTrial(KerasFunctionalTrial):
    build_model = BenchmarkTrial.build_model
    optimizer = BenchmarkTrial.optimizer
    batch_size = BenchmarkTrial.batch_size
    validation_metrics = BenchmarkTrial.validation_metrics
    make_data_loaders = BenchmarkTrial.make_data_loaders

    def losses(self):
        return LOSSES

    def loss_weights(self):
        return LOSS_WEIGHTS


ENTRYPOINT = {"functional": "models:FunctionalBenchmarkTrial", "gan": "models:GanBenchmarkTrial"}
"""Where it is not `models:BenchmarkTrial`."""
