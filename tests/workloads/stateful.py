"""A stateful LSTM, which goes on from batch to batch; so all batches have one size."""

import keras
from mlp import MlpTrial


class StatefulTrial(MlpTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                keras.Input(batch_shape=(20, 20)),
                keras.layers.Reshape((4, 5)),
                layers.LSTM(6, stateful=True, dropout=0.1, name="memory"),
                layers.Dense(3, activation="softmax", name="out"),
            ]
        )

    def batch_size(self):
        return 20
