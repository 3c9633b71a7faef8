"""One small trial for each kind of model; the hyperparameter `kind` chooses. See tests/trial/test_models.py."""

import keras
import numpy as np
import tensorflow as tf
from mlp import MlpTrial

import pedl

KIND = pedl.get_hyperparameter("kind")
if KIND == "mixed":
    keras.config.set_dtype_policy("mixed_float16")


class Subclassed(keras.Model):
    """Not built before its first batch; one layer is used twice."""

    def __init__(self, seeded):
        super().__init__()
        layers = seeded.layers
        self.first, self.shared = layers.Dense(8, name="first"), layers.Dense(8, activation="relu", name="shared")
        self.drop, self.last = layers.Dropout(0.2, name="drop"), layers.Dense(3, activation="softmax", name="last")

    def call(self, x, training=False):
        return self.last(self.drop(self.shared(self.shared(self.first(x))), training=training))


class Drawing(keras.layers.Layer):
    """Draws in call: with TensorFlow's stream, in Python, or as it should."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.seed_generator = keras.random.SeedGenerator(4)

    def call(self, x):
        if self.how == "stream":
            return x + tf.random.normal(tf.shape(x), stddev=0.1)
        if self.how == "python":
            return tf.ensure_shape(
                tf.numpy_function(lambda a: a + np.float32(np.random.normal()), [x], "float32"), x.shape
            )
        seed = None if self.how == "global" else self.seed_generator
        return x + keras.random.normal(tf.shape(x), stddev=0.1, seed=seed)


class Counting(keras.Sequential):
    """Counts the smaller batches, in a variable that nobody holds."""

    def train_step(self, data):
        if data[0].shape[0] < 16:
            COUNT.assign_add(1)
        return super().train_step(data)


COUNT = tf.Variable(0, name="count")


class ModelsTrial(MlpTrial):
    def build_model(self, hparams):
        if KIND == "subclassed":
            return Subclassed(self.seeded)
        kind = Counting if KIND == "some_batches" else keras.Sequential
        return kind([*self.first(), *self.middle(), self.seeded.layers.Dense(3, activation="softmax", dtype="float32")])

    def first(self):
        """An input shape, but for the model that is not built."""
        return [] if KIND == "unbuilt" else [keras.Input((20,))]

    def middle(self):
        layers = self.seeded.layers
        if KIND == "adapted":
            normalization, bins = keras.layers.Normalization(), keras.layers.Discretization(num_bins=4)
            x = np.random.default_rng(3).normal(size=(100, 20))
            normalization.adapt(x * hparams_scale(self))
            bins.adapt(x * hparams_scale(self))
            return [normalization, bins, keras.layers.Rescaling(0.5), layers.Dense(8, name="hidden")]
        if KIND in ("stream", "python", "keyed", "global"):
            return [Drawing(KIND)]
        return [layers.Dense(8, activation="relu", name="hidden"), layers.Dropout(0.2, name="drop")]

    def batch_size(self):
        return 16 if KIND == "some_batches" else 20

    def class_weight(self):
        return {"class_weight": {0: 0.5, 2: 3.0}, "wrong_class_weight": [1, 2]}.get(KIND)

    def compile_model(self, model):
        super().compile_model(model)
        if KIND == "eager":
            model.run_eagerly = True
        if KIND == "compiled_by_xla":
            model.compile("sgd", "mse", jit_compile=True)
        if KIND == "own_compile":
            clipped = keras.optimizers.AdamW(0.01, clipnorm=1.0, use_ema=True, ema_overwrite_frequency=3)
            model.compile(clipped, keras.losses.SparseCategoricalCrossentropy(), metrics=["accuracy"])


def hparams_scale(trial):
    return trial.hparams.get("scale", 1.0)
