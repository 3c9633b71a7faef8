"""A graph's view of the data: placeholders in the structure of a batch, and batches flat, as they are fed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.sources import Segment, Source


class Records:
    """What a batch of the training and of the validation data has in common.

    Attributes:
      specs: the `tf.TensorSpec`s of a batch, (None, ...), in the structure of the data: data of dicts have dicts.

    Raises:
      TrialDefinitionError: if training and validation data differ in structure or dtypes.
    """

    _SEGMENT_BATCHES = 64
    _SEGMENT_BYTES = 4 * 2**20

    def __init__(self, training: Source, validation: Source) -> None:
        first, *others = [batch for source in (training, validation) for batch in _examples(source)]
        shapes = [np.asarray(leaf).shape for leaf in tf.nest.flatten(first)]
        dtypes = [np.asarray(leaf).dtype for leaf in tf.nest.flatten(first)]
        for other in others:
            if _paths(other) != _paths(first) or [np.asarray(leaf).dtype for leaf in tf.nest.flatten(other)] != dtypes:
                raise TrialDefinitionError(
                    f"training batches are {_shown(first)}, but another batch of the training or validation data is "
                    f"{_shown(other)}; expected the same names and dtypes in all."
                )
            shapes = [
                _common(shape, np.asarray(leaf).shape)
                for shape, leaf in zip(shapes, tf.nest.flatten(other), strict=True)
            ]
        names = ["_".join(["record", *path]) for path in _paths(first)]
        self._flat = [
            tf.TensorSpec([None, *shape[1:]], dtype, name)
            for shape, dtype, name in zip(shapes, dtypes, names, strict=True)
        ]
        self.specs = tf.nest.pack_sequence_as(first, self._flat)
        batch_bytes = sum(np.asarray(leaf).nbytes for leaf in tf.nest.flatten(first))
        self._at_most = max(1, min(self._SEGMENT_BATCHES, self._SEGMENT_BYTES // batch_bytes))

    def segments(self, source: Source, start: int, count: int) -> Iterator[Segment]:
        """Yields the segments of `count` batches from number `start` on."""
        return source.segments(start, count, lambda: self._at_most)

    def epoch(self, source: Source) -> Iterator[Segment]:
        """Yields the segments of one epoch."""
        return source.epoch(lambda: self._at_most)

    def batches(self, source: Source, segment: Segment) -> Iterator[tuple[list[npt.NDArray[Any]], int]]:
        """Yields the batches of a segment, flat in the order of the placeholders, and their sizes in samples.

        Raises:
          TrialDefinitionError: if one is of another shape than the placeholders.
        """
        # All at once: an operation per batch and array would cost a tenth of a small step.
        flat = [tensor.numpy() for tensor in tf.nest.flatten(source.take(segment.feed))]
        self._check([array[0] for array in flat])
        size = flat[0].shape[1]
        for index in range(segment.count):
            yield [array[index] for array in flat], size

    def _check(self, flat: list[npt.NDArray[Any]]) -> None:
        for array, spec in zip(flat, self._flat, strict=True):
            if not spec.shape.is_compatible_with(array.shape):
                raise TrialDefinitionError(
                    f"a batch has {spec.name} of shape {array.shape}, expected {tuple(spec.shape)}, as in the first "
                    "batch. Pad the data to one shape."
                )


def _examples(source: Source) -> Iterator[Any]:
    for feed in source.examples():
        batch = source.take(tf.nest.map_structure(lambda tensor: tensor[0], feed))
        yield batch[0] if isinstance(batch, tuple) and len(batch) == 1 else batch


def _common(one: tuple[int | None, ...], other: tuple[int | None, ...]) -> tuple[int | None, ...]:
    if len(one) != len(other):
        raise TrialDefinitionError(f"batches have shapes {one} and {other}, expected the same number of dimensions.")
    return tuple(a if a == b else None for a, b in zip(one, other, strict=True))


def _paths(batch: Any) -> list[tuple[str, ...]]:
    """The path of each leaf, in the order of `tf.nest.flatten`, of letters that a name may have."""
    if isinstance(batch, Mapping):
        items = [(re.sub(r"\W", "_", str(key)), batch[key]) for key in sorted(batch)]
    elif isinstance(batch, (tuple, list)):
        items = [(str(index), value) for index, value in enumerate(batch)]
    else:
        return [()]
    return [(name, *path) for name, value in items for path in _paths(value)]


def _shown(batch: Any) -> str:
    leaves = zip(_paths(batch), tf.nest.flatten(batch), strict=True)
    return ", ".join(f"{'/'.join(path) or 'one array'}: {np.asarray(leaf).dtype.name}" for path, leaf in leaves)
