"""A CNN with BatchNorm, augmentation layers, sample weights, EMA and a schedule."""

import keras
import numpy as np

from pedl.trial import KerasTrial


class CnnTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                keras.Input((12, 12, 1)),
                layers.RandomFlip(name="flip"),
                layers.RandomRotation(0.1, name="rotate"),
                layers.Conv2D(8, 3, name="conv1"),
                layers.BatchNormalization(name="norm"),
                layers.Activation("relu"),
                layers.SpatialDropout2D(0.2, name="drop"),
                layers.Conv2D(16, 3, strides=2, activation="relu", name="conv2"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(3, activation="softmax", name="out"),
            ]
        )

    def optimizer(self):
        schedule = keras.optimizers.schedules.ExponentialDecay(0.01, 10, 0.9)
        return keras.optimizers.SGD(schedule, momentum=0.9, use_ema=True, ema_momentum=0.9)

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy()

    def batch_size(self):
        return 8

    def validation_metrics(self):
        return {"accuracy": "accuracy", "top2": keras.metrics.SparseTopKCategoricalAccuracy(2)}

    def training_metrics(self):
        return {"accuracy": "accuracy"}

    def make_data_loaders(self, experiment_config, hparams):
        generator = np.random.default_rng(4)
        y = generator.integers(0, 3, 70)
        x = generator.normal(size=(70, 12, 12, 1)) + y[:, None, None, None]
        weight = generator.uniform(0.5, 1.5, 70)
        return (x[:50], y[:50], weight[:50]), (x[50:], y[50:], weight[50:])
