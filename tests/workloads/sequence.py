"""A PyDataset with four workers, whose items and hooks draw from every global generator; dict inputs."""

import random

import keras
import numpy as np

from pedl.trial import KerasTrial


class Noisy(keras.utils.PyDataset):
    def __init__(self, size, batch_size, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.batch_size = batch_size
        self.order = np.arange(size)

    def __len__(self):
        return -(-self.size // self.batch_size)

    def __getitem__(self, index):
        rows = self.order[index * self.batch_size : (index + 1) * self.batch_size]
        x = np.sin(rows[:, None] + np.arange(10)) + np.random.normal(size=(len(rows), 10)) * 0.1
        scale = random.uniform(0.9, 1.1)
        return {"x": x * scale, "row": rows[:, None] / self.size}, (rows % 2)[:, None]

    def on_epoch_end(self):
        np.random.shuffle(self.order)


class SequenceTrial(KerasTrial):
    use_multiprocessing = False

    def build_model(self, hparams):
        layers = self.seeded.layers
        x = keras.Input((10,), name="x")
        row = keras.Input((1,), name="row")
        y = layers.Dense(8, activation="tanh", name="hidden")(keras.layers.concatenate([x, row]))
        return keras.Model({"x": x, "row": row}, layers.Dense(1, activation="sigmoid", name="out")(y))

    def optimizer(self):
        return keras.optimizers.Nadam(0.01)

    def loss(self):
        return "binary_crossentropy"

    def batch_size(self):
        return 8

    def validation_metrics(self):
        return {"accuracy": "accuracy", "auc": keras.metrics.AUC()}

    def make_data_loaders(self, experiment_config, hparams):
        workers = {"workers": hparams.get("workers", 4), "use_multiprocessing": self.use_multiprocessing}
        return Noisy(60, 8, **workers), Noisy(20, 8, **workers)
