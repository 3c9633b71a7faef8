"""tf.data with what is hard to resume: shuffles, random parallel maps, generators that draw, a variable that counts.

The hyperparameter `pipeline` chooses; an epoch has 7 batches, the last one smaller.
"""

import numpy as np
import tensorflow as tf
from mlp import MlpTrial

OWN = np.random.default_rng()


class DatasetTrial(MlpTrial):
    def __init__(self, hparams):
        self.stream = tf.random.Generator.from_seed(5)

    def batch_size(self):
        raise AssertionError("datasets make their own batches")

    def make_data_loaders(self, experiment_config, hparams):
        training, validation = super().make_data_loaders(experiment_config, hparams)
        x, y = (np.asarray(part) for part in training)
        made = getattr(self, hparams.get("pipeline", "mapped"))(x.astype("float32"), y)
        return made, tf.data.Dataset.from_tensor_slices(validation).batch(16)

    def mapped(self, x, y):
        dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(64)
        dataset = dataset.map(lambda a, b: (a + tf.random.normal([20], stddev=0.1), b), num_parallel_calls=4)
        return dataset.batch(16).prefetch(2)

    def generated(self, x, y):
        def samples():
            for row in np.random.permutation(len(x)):
                yield x[row] + OWN.normal(size=20) * 0.1, y[row], np.random.uniform(0.5, 1.5)

        specs = (tf.TensorSpec([20], "float32"), tf.TensorSpec([], "int64"), tf.TensorSpec([], "float32"))
        return tf.data.Dataset.from_generator(samples, output_signature=specs).batch(16).prefetch(tf.data.AUTOTUNE)

    def endless(self, x, y):
        dataset = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(30, seed=4).repeat()
        return dataset.batch(16).map(lambda a, b: (a + self.stream.normal([20]) * 0.1, b), num_parallel_calls=4)

    def interleaved(self, x, y):
        halves = tf.data.Dataset.from_tensor_slices((x.reshape(2, 50, 20), y.reshape(2, 50))).shuffle(2)
        dataset = halves.interleave(
            lambda a, b: tf.data.Dataset.from_tensor_slices((a, b)).shuffle(20), num_parallel_calls=2
        )
        return dataset.cache().shuffle(10).batch(16)
