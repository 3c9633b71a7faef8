"""An LSTM with recurrent dropout, gradient accumulation, and data from a generator of the user's own.

One batch shape only: each costs seconds of tracing, and the other workloads have several.
"""

import keras
import numpy as np

from pedl.trial import KerasTrial


class LstmTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                keras.Input((4, 3)),
                layers.LSTM(5, dropout=0.1, recurrent_dropout=0.2, name="lstm"),
                layers.Dense(1, name="out"),
            ]
        )

    def optimizer(self):
        return keras.optimizers.RMSprop(0.01, gradient_accumulation_steps=2)

    def loss(self):
        return keras.losses.mean_squared_error

    def batch_size(self):
        return 16

    def validation_metrics(self):
        return {"error": keras.metrics.mean_absolute_error}

    def make_data_loaders(self, experiment_config, hparams):
        generator = np.random.default_rng()
        x = generator.normal(size=(96, 4, 3))
        y = x.sum(axis=(1, 2))[:, None]
        return (x[:80], y[:80]), (x[80:], y[80:])
