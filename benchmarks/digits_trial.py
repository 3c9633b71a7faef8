"""The model that searches are compared on: a small network on random values, as a trial, and as plain Keras."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from pedl.trial import KerasTrial

SAMPLES, BATCH_SIZE = 4096, 32


def data() -> tuple[Any, Any]:
    """Returns training and validation arrays: 64 columns, 10 classes that a linear rule decides."""
    generator = np.random.default_rng(1)
    x = generator.normal(size=(SAMPLES + 512, 64)).astype("float32")
    y = (x @ generator.normal(size=(64, 10)).astype("float32")).argmax(axis=1)
    return (x[:SAMPLES], y[:SAMPLES]), (x[SAMPLES:], y[SAMPLES:])


def model(layers: Any) -> keras.Model:
    """Returns the network, not compiled, of layers from `keras.layers` or `self.seeded.layers`."""
    hidden, drop = layers.Dense(128, activation="relu", name="hidden"), layers.Dropout(0.2, name="drop")
    return keras.Sequential([keras.Input((64,)), hidden, drop, layers.Dense(10, activation="softmax", name="out")])


class DigitsTrial(KerasTrial):
    def build_model(self, hparams):
        return model(self.seeded.layers)

    def optimizer(self):
        return keras.optimizers.Adam(self.hparams["learning_rate"])

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return BATCH_SIZE

    def validation_metrics(self):
        return {"accuracy": "accuracy"}

    def make_data_loaders(self, experiment_config, hparams):
        return data()
