"""Stateless twins of the random operations that `tf.random.*` makes: the same values to expect, but drawn from a key
and a counter.

Each takes (key, counter), uint64 (1,) and (2,), and then what the function of `gen_random_ops` takes, less its seeds.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tensorflow.python.ops import gen_stateless_random_ops, gen_stateless_random_ops_v2

_PHILOX = 1
"""The number of the algorithm Philox4x32-10 in TensorFlow."""


def mixed(key: tf.Tensor, number: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
    """Returns a key of its own for each `number`, an integer scalar, and batch: uint64, (1,)."""
    turn = tf.stack([tf.cast(number, tf.uint64), counter[1]])
    draw = gen_stateless_random_ops_v2.stateless_random_uniform_full_int_v2
    return draw([1], key, turn, _PHILOX, dtype=tf.uint64)


def _seed(key: tf.Tensor, counter: tf.Tensor) -> tf.Tensor:
    """The two numbers that older stateless operations take, drawn from key and counter."""
    draw = gen_stateless_random_ops_v2.stateless_random_uniform_full_int_v2
    return draw([2], key, counter, _PHILOX, dtype=tf.int64)


def _uniform(key: Any, counter: Any, shape: Any, dtype: Any) -> Any:
    return gen_stateless_random_ops_v2.stateless_random_uniform_v2(shape, key, counter, _PHILOX, dtype=dtype)


def _uniform_int(key: Any, counter: Any, shape: Any, minval: Any, maxval: Any) -> Any:
    return gen_stateless_random_ops_v2.stateless_random_uniform_int_v2(shape, key, counter, _PHILOX, minval, maxval)


def _normal(key: Any, counter: Any, shape: Any, dtype: Any) -> Any:
    return gen_stateless_random_ops_v2.stateless_random_normal_v2(shape, key, counter, _PHILOX, dtype=dtype)


def _truncated_normal(key: Any, counter: Any, shape: Any, dtype: Any) -> Any:
    return gen_stateless_random_ops_v2.stateless_truncated_normal_v2(shape, key, counter, _PHILOX, dtype=dtype)


def _parameterized(key: Any, counter: Any, shape: Any, means: Any, stdevs: Any, minvals: Any, maxvals: Any) -> Any:
    draw = gen_stateless_random_ops.stateless_parameterized_truncated_normal
    return draw(shape, _seed(key, counter), means, stdevs, minvals, maxvals)


def _shuffle(key: Any, counter: Any, value: Any) -> Any:
    # Rows sorted by random words, as the training data are: no kernel's own way of shuffling decides.
    value = tf.convert_to_tensor(value)
    words = gen_stateless_random_ops_v2.stateless_random_uniform_full_int_v2(
        tf.shape(value)[:1], key, counter, _PHILOX, dtype=tf.int64
    )
    shuffled = tf.gather(value, tf.argsort(words, stable=True))
    shuffled.set_shape(value.shape)
    return shuffled


def _multinomial(key: Any, counter: Any, logits: Any, num_samples: Any, output_dtype: Any = tf.int64) -> Any:
    draw = gen_stateless_random_ops.stateless_multinomial
    return draw(logits, num_samples, _seed(key, counter), output_dtype=output_dtype)


def _gamma(key: Any, counter: Any, shape: Any, alpha: Any) -> Any:
    alpha = tf.convert_to_tensor(alpha)
    shape = tf.concat([shape, tf.shape(alpha)], 0)
    return gen_stateless_random_ops_v2.stateless_random_gamma_v3(shape, key, counter, _PHILOX, alpha)


def _poisson(key: Any, counter: Any, shape: Any, rate: Any, dtype: Any = tf.int64) -> Any:
    rate = tf.convert_to_tensor(rate)
    shape = tf.concat([shape, tf.shape(rate)], 0)
    return gen_stateless_random_ops.stateless_random_poisson(shape, _seed(key, counter), rate, dtype=dtype)


TWINS: dict[str, Callable[..., Any]] = {
    "random_uniform": _uniform,
    "random_uniform_int": _uniform_int,
    "random_standard_normal": _normal,
    "truncated_normal": _truncated_normal,
    "parameterized_truncated_normal": _parameterized,
    "random_shuffle": _shuffle,
    "multinomial": _multinomial,
    "random_gamma": _gamma,
    "random_poisson_v2": _poisson,
}
"""What is replaced in `gen_random_ops`: all that `tf.random.*` makes, for initial values too."""
