"""Handwritten digits with a small convolutional network: what a trial class looks like.

`self.seeded` makes the layers whose starting values or masks are random. Their seeds depend on the trial's seed and on
their names: add a layer, and the others start as before. Layers without randomness may come from Keras directly.
"""

from pathlib import Path

import keras
import numpy as np

from pedl.trial import KerasTrial, deterministic_cpu_session_config


class MNistTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Conv2D(hparams["filters"], 3, activation="relu", name="strokes"),
                keras.layers.MaxPooling2D(),
                layers.Conv2D(2 * hparams["filters"], 3, activation="relu", name="shapes"),
                keras.layers.MaxPooling2D(),
                keras.layers.Flatten(),
                layers.Dropout(hparams["dropout"], name="drop"),
                layers.Dense(10, activation="softmax", name="digit"),
            ]
        )

    def optimizer(self):
        return keras.optimizers.Adam(self.hparams["learning_rate"])

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return self.hparams["batch_size"]

    def training_metrics(self):
        return {"accuracy": "accuracy"}

    def validation_metrics(self):
        return {"accuracy": "accuracy"}

    def make_data_loaders(self, experiment_config, hparams):
        if experiment_config["data"].get("full", False):
            (x, y), (x_test, y_test) = keras.datasets.mnist.load_data()
        else:
            with np.load(Path(__file__).parent / "mnist_10k.npz") as data:
                x, y, x_test, y_test = (data[name] for name in ("x_train", "y_train", "x_test", "y_test"))
        return (pixels(x), y), (pixels(x_test), y_test)


class DeterministicMNistTrial(MNistTrial):
    """The same with one thread per pool: slower, and of bits that do not depend on the size of a pool."""

    def session_config(self):
        return deterministic_cpu_session_config()


def pixels(images):
    """uint8 (n, 28, 28) in 0 .. 255 to float32 (n, 28, 28, 1) in [0, 1]."""
    return images[..., np.newaxis].astype("float32") / 255.0
