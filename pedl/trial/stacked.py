"""Data whose batches are made one at a time in Python: equally shaped ones are stacked for one call of the loop."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial import fingerprint
from pedl.trial.sources import Segment, Source, sample_words, segment


class StackedSource(Source):
    """Base of sources that make one batch at a time in Python: equally shaped batches are stacked for one call."""

    _MOST_BYTES = 64 * 2**20
    # Longer segments are not faster, and the next one is made while this one is trained.
    _MOST_BATCHES = 16

    @abstractmethod
    def batches(self, start: int, count: int) -> Iterator[tuple[Any, ...]]:
        """Yields `count` batches from number `start` on, each a tuple (x,), (x, y) or (x, y, sample_weight)."""

    def take(self, row: Any) -> Any:
        return row

    def segments(self, start: int, count: int, at_most: Callable[[], int]) -> Iterator[Segment]:
        return self.stacked(self.batches(start, count), at_most)

    def stacked(self, batches: Iterable[tuple[Any, ...]], at_most: Callable[[], int]) -> Iterator[Segment]:
        """Yields batches in segments of equal shapes."""
        pending: list[Any] = []
        pending_bytes = 0
        for batch in batches:
            full = len(pending) >= min(at_most(), self._MOST_BATCHES) or pending_bytes > self._MOST_BYTES
            if pending and (full or _shapes(batch) != _shapes(pending[0])):
                yield _stack(pending)
                pending, pending_bytes = [], 0
            pending.append(batch)
            pending_bytes += sum(leaf.nbytes for leaf in tf.nest.flatten(batch))
        if pending:
            yield _stack(pending)


def _shapes(batch: Any) -> Any:
    return [(leaf.shape, leaf.dtype) for leaf in tf.nest.flatten(batch)]


def _stack(batches: Sequence[Any]) -> Segment:
    feed = tf.nest.map_structure(lambda *leaves: tf.constant(np.stack(leaves)), *batches)
    samples = tf.nest.map_structure(lambda tensor: tf.reshape(tensor, [-1, *tensor.shape[2:]]), feed)
    return segment(feed, sample_words(samples).reshape(len(batches), -1, fingerprint.WORD_BYTES))


def as_batch(item: Any, where: str) -> tuple[Any, ...]:
    """Returns what a data set yielded as a tuple of NumPy arrays (x,), (x, y) or (x, y, sample_weight).

    Raises:
      TrialDefinitionError: if it is not of that structure, or its arrays differ in length.
    """
    parts = tuple(item) if isinstance(item, (tuple, list)) else (item,)
    while len(parts) > 1 and parts[-1] is None:
        parts = parts[:-1]
    if not 1 <= len(parts) <= 3 or any(part is None for part in parts):
        raise TrialDefinitionError(f"{where} yielded {_describe(item)}, expected (x, y) or (x, y, sample_weight).")
    batch = tuple(tf.nest.map_structure(lambda leaf: _leaf(leaf, where), _listless(part)) for part in parts)
    sizes = {leaf.shape[0] for leaf in tf.nest.flatten(batch)}
    if len(sizes) != 1 or sizes == {0}:
        raise TrialDefinitionError(
            f"{where} yielded {_describe(item)}, expected arrays with the same number of samples, at least one."
        )
    return batch


def _listless(part: Any) -> Any:
    """Lists of arrays as tuples (several inputs), other lists as one array."""
    if isinstance(part, list):
        return tuple(part) if any(hasattr(leaf, "shape") for leaf in part) else np.asarray(part)
    return part


def _leaf(leaf: Any, where: str) -> npt.NDArray[Any]:
    array = np.asarray(leaf)
    if array.dtype.kind not in "biufc" or array.ndim == 0:
        raise TrialDefinitionError(f"{where} yielded {_describe(leaf)}, expected numeric arrays of shape (batch, ...).")
    return array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array


def _describe(item: Any) -> str:
    if isinstance(item, (tuple, list)):
        return f"a {type(item).__name__} of {len(item)} ({', '.join(map(_describe, item))})"
    if hasattr(item, "shape"):
        return f"{type(item).__name__} of shape {tuple(item.shape)} and dtype {item.dtype}"
    return f"{type(item).__name__} {str(item)[:40]!r}"
