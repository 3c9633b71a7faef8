"""A second of arithmetic whose digests two machines compare: which kinds of operation would give them other bits?

Each kind is computed in several sizes, since libraries choose their kernels by size, and with the gradients that
training takes. What goes in is cut from a hash and is the same everywhere; what comes out depends on the versions, on
the instruction set and on the pools, as it would in an experiment. Equal digests prove these operations in these
sizes, and no others.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl.trial.profile import numeric_profile
from pedl.trial.start import compute_as_asked

FORMAT = 1
"""Another one has other operations: its digests cannot be compared with these."""

Digests = dict[str, dict[str, str]]
"""Kind of operation -> operation and size -> digest of its results."""


def main() -> None:
    """Prints, as a line of JSON, what this process computes with and, if its second argument is "battery", the digests.

    Its first argument is the `reproducibility` section of an experiment's configuration, as JSON.
    """
    asked, wanted = json.loads(sys.argv[1]), sys.argv[2]
    compute_as_asked({"config": {"reproducibility": asked}, "session_config": None})
    profile = numeric_profile(op_determinism=asked["op_determinism"])
    battery = {"format": FORMAT, "digests": digests()} if wanted == "battery" else None
    print()  # what was printed before may have left a line open
    print(json.dumps({"numeric_profile": profile, "battery": battery}))


def digests() -> Digests:
    """Returns the digests of all operations, computed here and now."""
    return {kind: {name: _digest(compute()) for name, compute in members.items()} for kind, members in BATTERY.items()}


def values(name: str, *shape: int) -> np.ndarray:
    """Returns the numbers that go by a name: float32 in [-0.5, 0.5), the same on every machine and with every NumPy."""
    count = int(np.prod(shape))
    words = np.frombuffer(hashlib.shake_128(name.encode()).digest(4 * count), "<u4")
    # 24 bits fit a float32: nothing is rounded on the way.
    return ((words >> 8).astype(np.float32) * np.float32(2**-24) - np.float32(0.5)).reshape(shape)


def _digest(results: Sequence[Any]) -> str:
    hashed = hashlib.sha256()
    for result in results:
        hashed.update(np.ascontiguousarray(result).tobytes())
    return hashed.hexdigest()[:16]


def _matrix_product(rows: int, inner: int, columns: int) -> list[Any]:
    return _with_gradients(tf.matmul, values("a", rows, inner), values("b", inner, columns))


def _convolution(batch: int, side: int, channels: int, kernel: int, filters: int) -> list[Any]:
    images, kernels = values("i", batch, side, side, channels), values("k", kernel, kernel, channels, filters)
    return _with_gradients(lambda x, k: tf.nn.relu(tf.nn.conv2d(x, k, 1, "SAME")), images, kernels)


def _lstm(batch: int, times: int, features: int, units: int) -> list[Any]:
    layer = keras.layers.LSTM(units)
    layer.build((batch, times, features))
    layer.set_weights([values(f"w{number}", *weight.shape) for number, weight in enumerate(layer.weights)])
    return _with_gradients(lambda x: layer(x), values("x", batch, times, features), layer.trainable_variables)


def _elementwise(function: Callable[[Any], Any]) -> Callable[[], list[Any]]:
    # Odd sizes have a rest that does not fill a vector register, and is computed otherwise.
    return lambda: [tf.function(function)(tf.constant(scale * values("e", 10_007))) for scale in (1.0, 16.0)]


def _reductions(rows: int, columns: int) -> list[Any]:
    def reduced(x: Any) -> list[Any]:
        return [*(tf.reduce_sum(x, axis) for axis in (0, 1, None)), *tf.nn.moments(x, [0])]

    return list(tf.function(reduced)(tf.constant(values("r", rows, columns))))


def _softmax(batch: int, classes: int) -> list[Any]:
    labels = tf.constant(np.arange(batch) % classes)
    return _with_gradients(
        lambda x: tf.nn.sparse_softmax_cross_entropy_with_logits(labels, x) + tf.reduce_max(tf.nn.softmax(x), -1),
        8 * values("s", batch, classes),
    )


def _optimizer(optimizer: Any, *sizes: int) -> list[Any]:
    variables = [keras.Variable(values("v", size)) for size in sizes]
    optimizer.build(variables)
    for step in range(3):
        gradients = [tf.constant(values(f"g{step}", size)) for size in sizes]
        tf.function(lambda given: optimizer.apply(given, variables))(gradients)
    return [variable.numpy() for variable in variables]


def _with_gradients(function: Callable[..., Any], *inputs: Any) -> list[Any]:
    """Returns what a traced function gives, and the gradients of its mean square by its inputs and their variables."""
    arrays = [tf.constant(it) for it in inputs if isinstance(it, np.ndarray)]
    variables = [variable.value for it in inputs if isinstance(it, list) for variable in it]

    def computed(*arguments: Any) -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            result = function(*arguments)
            loss = tf.reduce_mean(tf.square(result))
        return [result, *tape.gradient(loss, [*arguments, *variables])]

    return list(tf.function(computed)(*arrays))


def _numpy_product(size: int) -> list[Any]:
    return [values("p", size, size) @ values("q", size, size)]


BATTERY: dict[str, dict[str, Callable[[], Sequence[Any]]]] = {
    "matrix products": {
        "8 x 8 x 8": lambda: _matrix_product(8, 8, 8),
        "32 x 784 x 128": lambda: _matrix_product(32, 784, 128),
        "65 x 257 x 129": lambda: _matrix_product(65, 257, 129),
        "256 x 1,024 x 512": lambda: _matrix_product(256, 1024, 512),
    },
    "convolutions": {
        "8 kernels of 3 x 3 on 28 x 28 x 1": lambda: _convolution(32, 28, 1, 3, 8),
        "32 kernels of 5 x 5 on 14 x 14 x 16": lambda: _convolution(16, 14, 16, 5, 32),
        "64 kernels of 1 x 1 on 7 x 7 x 64": lambda: _convolution(64, 7, 64, 1, 64),
    },
    "LSTM": {
        "8 units": lambda: _lstm(8, 5, 4, 8),
        "64 units": lambda: _lstm(32, 12, 28, 64),
    },
    "elementwise functions": {
        "exp": _elementwise(tf.exp),
        "log1p": _elementwise(lambda x: tf.math.log1p(tf.abs(x))),
        "tanh": _elementwise(tf.tanh),
        "sigmoid": _elementwise(tf.sigmoid),
        "erf": _elementwise(tf.math.erf),
        "rsqrt": _elementwise(lambda x: tf.math.rsqrt(tf.abs(x) + 1e-3)),
    },
    "sums and means": {
        "64 x 10": lambda: _reductions(64, 10),
        "1,000 x 333": lambda: _reductions(1000, 333),
        "16 x 65,536": lambda: _reductions(16, 65_536),
    },
    "softmax and cross-entropy": {
        "32 x 10": lambda: _softmax(32, 10),
        "128 x 1,000": lambda: _softmax(128, 1_000),
    },
    "optimizer updates": {
        "Adam": lambda: _optimizer(keras.optimizers.Adam(0.01), 10, 1_001, 100_352),
        "SGD with momentum": lambda: _optimizer(keras.optimizers.SGD(0.01, momentum=0.9), 10, 1_001, 100_352),
    },
    "NumPy, in data loaders": {
        "matrix product 17 x 17": lambda: _numpy_product(17),
        "matrix product 256 x 256": lambda: _numpy_product(256),
        "exp": lambda: [np.exp(values("n", 10_007))],
        "sum": lambda: [values("n", 10_007).sum()],
    },
}
"""What is computed; see `Digests`."""
