"""A graph with dropout and noise inside `tf.cond`, a loop that draws, and batch normalization by hand."""

import numpy as np
import tensorflow as tf

from pedl.trial import TensorFlowTrial

v1 = tf.compat.v1


class GraphTrial(TensorFlowTrial):
    def build_graph(self, record, is_training):
        x = tf.cond(is_training, lambda: self.noisy(record["x"]), lambda: record["x"])
        x = tf.nn.relu(self.normalized(self.dense(x, self.hparams.get("units", 16), "hidden"), is_training))
        x = tf.cond(is_training, lambda: tf.nn.dropout(x, 0.3), lambda: x)
        x = tf.cond(is_training, lambda: self.seeded.dropout(x, 0.1, name="drop"), lambda: x)
        logits = self.dense(x, 3, "out")
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=record["y"], logits=logits)
        right = tf.cast(tf.equal(tf.argmax(logits, 1), record["y"]), tf.float32)
        classes = tf.reduce_mean(tf.nn.softmax(logits), 0)
        return {"loss": tf.reduce_mean(losses), "accuracy": tf.reduce_mean(right), "classes": classes}

    def noisy(self, x):
        jitter = tf.map_fn(lambda row: tf.random.normal([20], stddev=0.1), x)
        return x + jitter + tf.random.uniform([20], -0.1, 0.1)

    def dense(self, x, units, name):
        with v1.variable_scope(name):
            kernel = v1.get_variable("kernel", [x.shape[1], units])
            return x @ kernel + v1.get_variable("bias", [units], initializer=v1.zeros_initializer())

    def normalized(self, x, is_training):
        with v1.variable_scope("norm"):
            mean = v1.get_variable("mean", [x.shape[1]], initializer=v1.zeros_initializer(), trainable=False)
            var = v1.get_variable("var", [x.shape[1]], initializer=v1.ones_initializer(), trainable=False)
        batch_mean, batch_var = tf.nn.moments(x, [0])
        for moving, batch in ((mean, batch_mean), (var, batch_var)):
            v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, v1.assign_sub(moving, 0.1 * (moving - batch)))
        used = tf.cond(is_training, lambda: (batch_mean, batch_var), lambda: (mean.read_value(), var.read_value()))
        return tf.nn.batch_normalization(x, *used, offset=None, scale=None, variance_epsilon=1e-3)

    def optimizer(self):
        return v1.train.AdamOptimizer(v1.train.exponential_decay(0.01, self.training_counter(), 10, 0.9))

    def batch_size(self):
        return 16

    def training_metrics(self):
        return ["accuracy"]

    def validation_metrics(self):
        return ["accuracy", "classes"]

    def make_data_loaders(self, experiment_config, hparams):
        generator = np.random.default_rng(3)
        x = generator.normal(size=(120, 20))
        y = (x[:, :3]).argmax(axis=1)
        return {"x": x[:100], "y": y[:100]}, {"x": x[100:], "y": y[100:]}
