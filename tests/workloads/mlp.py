"""An MLP with dropout and noise, seeded by the factory; one layer is left to the running streams."""

import keras
import numpy as np

from pedl.trial import KerasTrial


class MlpTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                keras.Input((20,)),
                layers.GaussianNoise(0.1, name="noise"),
                layers.Dense(hparams.get("units", 16), activation="relu", name="hidden"),
                layers.Dropout(0.3, name="drop"),
                keras.layers.Dense(8, activation="relu"),
                keras.layers.Dropout(0.1),
                layers.Dense(3, activation="softmax", name="out"),
            ]
        )

    def optimizer(self):
        return keras.optimizers.Adam(self.hparams.get("learning_rate", 0.01))

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return 16

    def validation_metrics(self):
        return {"accuracy": "accuracy"}

    def make_data_loaders(self, experiment_config, hparams):
        generator = np.random.default_rng(3)
        x = generator.normal(size=(120, 20))
        y = (x[:, :3]).argmax(axis=1)
        return (x[:100], y[:100]), (x[100:], y[100:])
