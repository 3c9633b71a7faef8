"""What is interrupted: a small network for both `fit` and pedl, on images of MNIST's shape."""

from __future__ import annotations

import keras
import numpy as np

from pedl.trial import ArrayLoader, KerasTrial

BATCH_SIZE = 64
SAMPLES = 1600


def built(name: str, units: int = 32) -> keras.Model:
    """Returns a new model; `name` is "plain", "shuffled" or "dropout"."""
    layers = [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(units, activation="relu")]
    layers += [keras.layers.Dropout(0.3)] if name == "dropout" else []
    return keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])


def compiled(name: str) -> keras.Model:
    model = built(name)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy")
    return model


def data() -> tuple[np.ndarray, np.ndarray]:
    """Returns images: float32, (samples, 28, 28), in [0, 1], and labels that can be learned from them."""
    generator = np.random.default_rng(3)
    images = generator.random((SAMPLES, 28, 28), np.float32)
    return images, (images.reshape(SAMPLES, -1) @ generator.normal(size=(784, 10))).argmax(axis=1)


class Trial(KerasTrial):
    def build_model(self, hparams):
        return built(hparams["model"], hparams.get("units", 32))

    def optimizer(self):
        return keras.optimizers.Adam(1e-3)

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return BATCH_SIZE

    def validation_metrics(self):
        return {}

    def make_data_loaders(self, experiment_config, hparams):
        return ArrayLoader(*data(), shuffle=hparams["model"] != "plain"), data()
