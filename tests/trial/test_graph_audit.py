"""What cannot be keyed or restored is refused when the graph is built, by its name."""

from __future__ import annotations

import textwrap

import pytest

from tests.trial.alone import Failed

DEFINITION = """
import keras
import numpy as np
import tensorflow as tf

from pedl.trial import TensorFlowTrial

v1 = tf.compat.v1


class Trial(TensorFlowTrial):
    def build_graph(self, record, is_training):
        x = record["x"]
        w = v1.get_variable("w", [4])
        y = build(x)
        return {{"loss": tf.reduce_mean((x * w - y) ** 2)}}

    def optimizer(self):
        return v1.train.GradientDescentOptimizer(0.1)

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return []

    def make_data_loaders(self, experiment_config, hparams):
        return {{"x": np.ones((8, 4))}}, {{"x": np.ones((8, 4))}}


def build(x):
{build}
"""

REFUSED = {
    "keras dropout": (
        "return keras.layers.Dropout(0.5, name='drop')(x, training=True)",
        r"the graph of Trial holds the Keras layer Dropout 'drop', which could not be resumed exactly: its state .*",
    ),
    "keras batch norm": (
        "return keras.Sequential([keras.layers.Dense(4), keras.layers.BatchNormalization()], name='net')(x)",
        r"the Keras layer Sequential 'net'.*moving_mean.* Use tf.nn.dropout, tf.nn.batch_normalization",
    ),
    "keras.random": ("return x + keras.random.normal([4])", "holds keras.random, .*Use tf.random or self.seeded"),
    "candidate sampler": (
        "sampled = v1.random.log_uniform_candidate_sampler(tf.ones([1, 1], tf.int64), 1, 4, True, 9)\\n"
        "    return x + tf.cast(sampled[0], x.dtype)",
        "the operation 'LogUniformCandidateSampler' of type LogUniformCandidateSampler",
    ),
    "tf.random.Generator": (
        "return x + tf.random.Generator.from_seed(1).uniform([4])",
        "of type RngReadAndSkip, .*instead of a tf.random.Generator",
    ),
    "raw operation": (
        "return x + tf.raw_ops.RandomUniform(shape=[4], dtype=tf.float32)",
        "the operation 'RandomUniform' of type RandomUniform.* Use tf.random",
    ),
    "raw operation in a function": (
        "return tf.cond(x[0, 0] > 0, lambda: tf.raw_ops.RandomUniform(shape=[4], dtype=tf.float32), lambda: x[0])",
        "the operation 'RandomUniform' in the function 'cond_true_[0-9]+' of type RandomUniform",
    ),
    "numpy_function": (
        "return x + tf.numpy_function(lambda: np.random.normal(size=4).astype('f'), [], tf.float32)",
        "of type PyFunc, .*Do it in make_data_loaders",
    ),
    "py_function": (
        "return x + tf.py_function(lambda: np.random.normal(size=4), [], tf.float32)",
        "of type EagerPyFunc, .*Do it in make_data_loaders",
    ),
    "tf.function": (
        "return x + tf.function(lambda: tf.random.normal([4]))()",
        r"build_graph\(\) draws random numbers \(random_normal/random_standard_normal\) within the function",
    ),
    "vectorized_map": (
        "return tf.vectorized_map(lambda row: row + tf.random.normal([4]), x)",
        "within tf.vectorized_map, whose body serves several calls.* Use tf.map_fn there",
    ),
    "queue": (
        "return x + tf.queue.FIFOQueue(1, [tf.float32]).dequeue()",
        "the operation 'fifo_queue' of type FIFOQueueV2",
    ),
    "table that is written": (
        "table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, 0.0)\\n"
        "    return x + tf.cast(table.size(), x.dtype)",
        "the operation 'MutableHashTable.*' of type MutableHashTable",
    ),
    "iterator": (
        "return x + v1.data.make_one_shot_iterator(tf.data.Dataset.range(9).map(lambda i: 1.0)).get_next()",
        "data of a graph come from make_data_loaders",
    ),
    "variable without a resource": (
        "return x + v1.get_variable('old', [4], use_resource=False)",
        r"the variable old is made with use_resource=False \(a VariableV2\).* Leave use_resource out",
    ),
    "variable of unknown shape": (
        "first = v1.placeholder_with_default([0.0], [None])\\n"
        "    return x + v1.get_variable('free', initializer=first, validate_shape=False)",
        r"the variable free has shape .*, expected one that is known beforehand",
    ),
    "variable of text": ("v1.get_variable('text', initializer='a')\\n    return x", "the variable text holds text"),
    "variable in no collection": (
        "return x + v1.get_variable('hidden', [4], collections=['mine'])",
        "the variable 'hidden', .*in none of TensorFlow's collections",
    ),
}

ALLOWED = {
    "keras dense": "return keras.layers.Dense(4)(keras.layers.ReLU()(x))",
    "a check and a message": "with tf.control_dependencies([v1.assert_greater(x, 0.0), tf.print('here')]):\\n"
    "        return tf.identity(x)",
    "a fixed table": "table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [2.0]), 0.0)\\n"
    "    return x + table.lookup(tf.constant(1))",
    "a tf.function without draws": "return tf.function(lambda: x * 2.0)()",
    "a TensorArray": "return tf.TensorArray(tf.float32, 1).write(0, x).stack()[0]",
    "a local variable": "return x + v1.get_variable('local', [4], collections=[v1.GraphKeys.LOCAL_VARIABLES])",
}


def definition(tmp_path, build):
    file = tmp_path / "definition.py"
    file.write_text(DEFINITION.format(build=textwrap.indent(build.replace("\\n    ", "\n"), "    ")))
    return file


@pytest.mark.parametrize("what", REFUSED)
def test_it_is_refused_by_its_name(alone, tmp_path, what):
    build, message = REFUSED[what]
    with pytest.raises(Failed, match=f"(?s)TrialDefinitionError: .*({message})"):
        alone(definition(tmp_path, build), ["train", 1])


@pytest.mark.parametrize("what", ALLOWED)
def test_what_has_no_state_or_is_saved_is_trained_and_resumed(alone, tmp_path, what):
    file = definition(tmp_path, ALLOWED[what])
    whole = alone(file, ["train", 2], ["save", str(tmp_path)], ["train", 1], ["words"])
    assert alone(file, ["load", whole[1]["path"]], ["train", 1], ["words"])[-1] == whole[-1]
