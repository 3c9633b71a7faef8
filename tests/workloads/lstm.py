"""Two LSTMs, one in both directions, with recurrent dropout; a generator of the user's own; gradient accumulation."""

import keras
import numpy as np

from pedl.trial import KerasTrial


class LstmTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        inputs = keras.Input((6, 4))
        x = layers.Bidirectional(layers.LSTM(5, dropout=0.1, recurrent_dropout=0.2, return_sequences=True), name="both")(
            inputs
        )
        x = layers.LSTM(6, recurrent_dropout=0.2, name="top")(x)
        return keras.Model(inputs, layers.Dense(1, name="out")(x))

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
        x = generator.normal(size=(90, 6, 4))
        y = x.sum(axis=(1, 2))[:, None]
        return (x[:75], y[:75]), (x[75:], y[75:])
