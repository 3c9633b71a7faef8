"""A GAN for `models.py`: a train_step of its own with two optimizers."""

from __future__ import annotations

import keras
import tensorflow as tf

NOISE = 16


class Gan(keras.Model):
    """Makes images, float32, (batch, 28, 28), and judges them."""

    def __init__(self) -> None:
        super().__init__()
        layers = keras.layers
        self.seeds = keras.random.SeedGenerator(11)
        self.generator = keras.Sequential(
            [
                layers.Dense(64, activation="relu"),
                layers.Dense(784, activation="sigmoid"),
                layers.Reshape((28, 28)),
            ]
        )
        self.critic = keras.Sequential(
            [layers.Flatten(), layers.Dense(32, activation="relu"), layers.Dropout(0.2), layers.Dense(1)]
        )
        self.cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
        self.d_loss, self.g_loss = keras.metrics.Mean(name="d_loss"), keras.metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, **options):
        super().compile(**options)
        self.d_optimizer, self.g_optimizer = d_optimizer, g_optimizer

    def build(self, input_shape):
        self.generator.build((None, NOISE))
        self.critic.build((None, 28, 28))
        self.built = True

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def call(self, x, training=False):
        return self.critic(x, training=training)

    def train_step(self, data):
        real = keras.utils.unpack_x_y_sample_weight(data)[0]
        with tf.GradientTape() as tape:
            right, wrong = self.critic(real, training=True), self.critic(self._made(real), training=True)
            d_loss = self.cross_entropy(tf.ones_like(right), right) + self.cross_entropy(tf.zeros_like(wrong), wrong)
        self._apply(tape, d_loss, self.critic, self.d_optimizer)
        with tf.GradientTape() as tape:
            judged = self.critic(self._made(real), training=True)
            g_loss = self.cross_entropy(tf.ones_like(judged), judged)
        self._apply(tape, g_loss, self.generator, self.g_optimizer)
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return self.get_metrics_result()

    def test_step(self, data):
        real = keras.utils.unpack_x_y_sample_weight(data)[0]
        self.d_loss.update_state(self.cross_entropy(tf.ones((tf.shape(real)[0], 1)), self.critic(real)))
        return self.get_metrics_result()

    def _made(self, real):
        return self.generator(keras.random.normal((tf.shape(real)[0], NOISE), seed=self.seeds), training=True)

    def _apply(self, tape, loss, part, optimizer):
        weights = part.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
