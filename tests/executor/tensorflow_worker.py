"""A worker module that imports TensorFlow, as the real one does."""

import hashlib
import os

import tensorflow as tf


def main(channel):
    globals()[channel.task["do"]](channel, **channel.task.get("with", {}))


def product(channel, intra_op):
    """Sets its own pool, then multiplies: the server may not have created TensorFlow's context."""
    tf.config.threading.set_intra_op_parallelism_threads(intra_op)
    left = tf.random.stateless_normal((400, 500), [1, 2])
    right = tf.random.stateless_normal((500, 300), [3, 4])
    digest = hashlib.sha256((left @ right).numpy().tobytes()).hexdigest()
    channel.send({"type": "done", "sha256": digest, "pool": tf.config.threading.get_intra_op_parallelism_threads()})


def long_operation(channel):
    """Is inside one operation of TensorFlow for minutes."""
    tf.config.threading.set_intra_op_parallelism_threads(2)
    matrix = tf.ones((2000, 2000))

    @tf.function
    def busy():
        return tf.while_loop(lambda i, _: i < 1_000_000, lambda i, x: (i + 1, x @ matrix / 2000.0), (0, matrix))[1]

    concrete = busy.get_concrete_function()
    channel.send({"type": "started", "pid": os.getpid()})
    concrete()
