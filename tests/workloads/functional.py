"""Two inputs and two outputs, given as a list and named by their layers; weights per sample and per loss."""

import keras
import numpy as np

from pedl.trial import KerasFunctionalTrial


class FunctionalTrial(KerasFunctionalTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        wide, row = keras.Input((10,), name="wide"), keras.Input((2,), name="row")
        hidden = layers.Dense(8, activation="relu", name="hidden")(keras.layers.concatenate([wide, row]))
        hidden = layers.Dropout(0.2, name="drop")(hidden)
        digit = layers.Dense(3, activation="softmax", name="digit")(hidden)
        large = layers.Dense(1, activation="sigmoid", name="large")(hidden)
        outputs = {"digit": digit, "large": large} if hparams.get("by_key") else [digit, large]
        return keras.Model({"wide": wide, "row": row}, outputs)

    def optimizer(self):
        return keras.optimizers.Adam(0.01)

    def losses(self):
        return {"digit": "sparse_categorical_crossentropy", "large": keras.losses.BinaryCrossentropy()}

    def loss_weights(self):
        return {"large": 0.5}

    def batch_size(self):
        return 8

    def validation_metrics(self):
        return {"accuracy": ("digit", "accuracy"), "auc": ("large", keras.metrics.AUC())}

    def training_metrics(self):
        return {"right": ("large", "accuracy")}

    def make_data_loaders(self, experiment_config, hparams):
        generator = np.random.default_rng()
        x = generator.normal(size=(70, 10))
        digit = x[:, :3].argmax(axis=1)
        weight = {"digit": generator.uniform(0.5, 1.5, 70), "large": np.ones(70)}
        x, y = {"wide": x, "row": x[:, :2] ** 2}, {"digit": digit, "large": digit >= 2}
        return tuple((at(rows, x), at(rows, y), at(rows, weight)) for rows in (slice(50), slice(50, 70)))


def at(rows, arrays):
    return {name: array[rows] for name, array in arrays.items()}
