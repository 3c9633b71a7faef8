"""Eight bytes for all variables, at every batch: the record by which two runs are compared.

A word is FarmHash64 (`tf.fingerprint`) over the bytes of a tensor; it sees one flipped bit anywhere. Words are blind to
names, shapes and dtypes, so the chain that binds them begins with a header that holds those.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

WORD_BYTES = 8

_SMALL_BYTES = 4096
"""Variables up to this size are hashed together: the cost of an operation exceeds that of their bytes."""


def rows(tensor: tf.Tensor) -> tf.Tensor:
    """Returns one word per row of a tensor of rank 1 or more: uint8, (rows, 8)."""
    return tf.fingerprint(tensor)


def words(tensors: Sequence[Any]) -> tf.Tensor:
    """Returns the word of each tensor or variable, of any shape: uint8, (len(tensors), 8)."""
    return tf.concat([_word(tf.convert_to_tensor(tensor)) for tensor in tensors], 0)


def joint_word(tensors: Sequence[Any]) -> tf.Tensor:
    """Returns one word for all tensors or variables together, in the given order: uint8, (8,).

    Runs after every batch, so operations are saved where they cost more than the bytes: small tensors are joined by
    dtype, and only those that are no vectors yet are reshaped.
    """
    small: dict[tf.DType, list[tf.Tensor]] = {}
    parts = []
    for value in map(tf.convert_to_tensor, tensors):
        if value.shape.num_elements() * value.dtype.size <= _SMALL_BYTES:
            small.setdefault(value.dtype, []).append(value)
        else:
            parts.append(_word(value))
    parts += [_word(_joined(group)) for group in small.values()]
    return tf.reshape(_word(tf.concat(parts, 0)) if len(parts) > 1 else parts[0], [WORD_BYTES])


def _word(tensor: tf.Tensor) -> tf.Tensor:
    return tf.fingerprint(tf.reshape(tensor, [1, -1]))


def _joined(group: list[tf.Tensor]) -> tf.Tensor:
    scalars = [value for value in group if value.shape.rank == 0]
    vectors = [value if value.shape.rank == 1 else tf.reshape(value, [-1]) for value in group if value.shape.rank > 0]
    return tf.concat([tf.stack(scalars), *vectors] if scalars else vectors, 0)


class Chain:
    """Binds the words of all batches in their order into one digest.

    The end of the chain (`hexdigest()`) is the trial's *fingerprint*: equal for two runs if and, but for a collision,
    only if every batch of data and every variable after every batch were equal.
    """

    def __init__(self, digest: str) -> None:
        self._digest = bytes.fromhex(digest)

    @classmethod
    def begin(cls, header: Sequence[dict[str, Any]]) -> Chain:
        """Begins a chain with the names, dtypes and shapes of all variables."""
        text = json.dumps(list(header), sort_keys=True, separators=(",", ":"))
        return cls(hashlib.blake2b(text.encode(), digest_size=32, person=b"pedl-chain").hexdigest())

    def extend(self, states: npt.NDArray[np.uint8], data: npt.NDArray[np.uint8]) -> None:
        """Appends k batches: the words of their states and of their data, each uint8, (k, 8)."""
        for state_word, data_word in zip(states, data, strict=True):
            link = self._digest + state_word.tobytes() + data_word.tobytes()
            self._digest = hashlib.blake2b(link, digest_size=32, person=b"pedl-chain").digest()

    def hexdigest(self) -> str:
        """Returns the end of the chain: 64 hexadecimal digits."""
        return self._digest.hex()
