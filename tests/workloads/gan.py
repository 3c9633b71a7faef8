"""A GAN: a train_step of its own, two optimizers that the model holds, two losses of its own and none named `loss`.

In an experiment, which searches by a name that all its workloads have, the generator's is named so.
"""

import keras
import numpy as np
import tensorflow as tf

from pedl.trial import KerasTrial


class Gan(keras.Model):
    def __init__(self, seeded, g_loss):
        super().__init__()
        layers = seeded.layers
        self.seeds = keras.random.SeedGenerator(11)
        self.generator = keras.Sequential(
            [
                layers.Dense(8, activation="relu", name="g1"),
                layers.BatchNormalization(name="gn"),
                layers.Dense(5, name="g2"),
            ]
        )
        self.critic = keras.Sequential(
            [layers.Dense(8, activation="relu", name="d1"), layers.Dropout(0.2, name="dd"), layers.Dense(1, name="d2")]
        )
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.d_loss, self.g_loss = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name=g_loss)

    def compile(self, d_optimizer, g_optimizer):
        super().compile()
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def call(self, x, training=False):
        return self.critic(x, training=training)

    def made(self, real):
        return self.generator(keras.random.normal((tf.shape(real)[0], 3), seed=self.seeds), training=True)

    def train_step(self, data):
        (real,) = data
        with tf.GradientTape() as tape:
            right, wrong = self.critic(real, training=True), self.critic(self.made(real), training=True)
            d_loss = self.cross_entropy(tf.ones_like(right), right) + self.cross_entropy(tf.zeros_like(wrong), wrong)
        self._apply(tape, d_loss, self.critic, self.d_optimizer)
        with tf.GradientTape() as tape:
            judged = self.critic(self.made(real), training=True)
            g_loss = self.cross_entropy(tf.ones_like(judged), judged)
        self._apply(tape, g_loss, self.generator, self.g_optimizer)
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return self.get_metrics_result()

    def test_step(self, data):
        (real,) = data
        judged = self.critic(self.made(real), training=False)
        self.g_loss.update_state(self.cross_entropy(tf.ones_like(judged), judged))
        return self.get_metrics_result()

    def _apply(self, tape, loss, part, optimizer):
        weights = part.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))


class GanTrial(KerasTrial):
    def build_model(self, hparams):
        return Gan(self.seeded, "loss" if "workload" in hparams else "g_loss")

    def optimizer(self):
        return keras.optimizers.Adam(0.01, beta_1=0.5)

    def loss(self):
        return None

    def compile_model(self, model):
        model.compile(self.optimizer(), keras.optimizers.RMSprop(0.01))

    def batch_size(self):
        return 16

    def validation_metrics(self):
        return {}

    def make_data_loaders(self, experiment_config, hparams):
        x = np.random.default_rng(9).normal(size=(120, 5)) + 2
        return (x[:100],), (x[100:],)
