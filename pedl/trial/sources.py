"""Where batches come from: a place in the data is a number of batches, and any place can be gone to.

A source cuts a run of batches into *segments* of equally shaped batches. The training loop executes a segment in one
call: it hands the segment's `feed`, whose tensors have a leading axis of batches, to a compiled function, which applies
the source's `take` to one row after the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial import fingerprint
from pedl.trial.order import epoch_order


@dataclass(frozen=True)
class Segment:
    """Consecutive batches of one shape.

    Attributes:
      feed: nested tensors whose first axis counts the batches.
      count: the number of batches, at least 1.
      words: the words of the batches' data: uint8, (count, 8).
      samples: the same for samples in any order: uint8, (count, 8); see `_segment`.
    """

    feed: Any
    count: int
    words: npt.NDArray[np.uint8]
    samples: npt.NDArray[np.uint8]


class Source(ABC):
    """Batches by number. `batches_per_epoch` is at least 1, and not there where only the end of the data tells."""

    batches_per_epoch: int

    @abstractmethod
    def segments(self, start: int, count: int, at_most: Callable[[], int]) -> Iterator[Segment]:
        """Yields `count` batches from batch number `start` on, in segments of at most `at_most()` batches.

        `at_most` is asked anew for each segment, and moves no bit.
        """

    @abstractmethod
    def take(self, row: Any) -> Any:
        """Returns the batch of one row of a feed, as `train_step` takes it; called while a graph is traced.

        Of a whole feed it returns all batches, stacked.
        """

    def signature(self, feed: Any) -> Any:
        """Returns the `tf.TensorSpec`s of a feed: any number of batches, otherwise static."""
        return tf.nest.map_structure(lambda t: tf.TensorSpec([None, *t.shape[1:]], t.dtype), feed)

    def epoch(self, at_most: Callable[[], int]) -> Iterator[Segment]:
        """Yields the batches of one epoch, the first: what a validation goes through."""
        yield from self.segments(0, self.batches_per_epoch, at_most)

    def go_to(self, number: int) -> None:  # noqa: B027 - most sources are at any place at once
        """Goes to a batch that is about to be trained; called before anything else of a checkpoint is restored."""

    def examples(self) -> list[Any]:
        """Returns a feed for each batch shape that is known beforehand, the usual one first; used to trace, not to
        train.
        """
        return [next(self.segments(0, 1, lambda: 1)).feed]

    def close(self) -> None:  # noqa: B027 - most sources start nothing
        """Ends what the source started; called when the trial ends."""


class ArrayLoader:
    """Arrays to train or validate with, and whether each epoch is shuffled.

    Args:
      x: an array, or a dict, list or tuple of arrays, each (samples, ...).
      y: the same, or None.
      sample_weight: (samples,) or as Keras takes it, or None.
      shuffle: whether each training epoch has an order of its own, keyed by (trial seed, epoch). Validation data
        keep their order in any case.
    """

    def __init__(self, x: Any, y: Any = None, sample_weight: Any = None, *, shuffle: bool = True) -> None:
        self.x = x
        self.y = y
        self.sample_weight = sample_weight
        self.shuffle = shuffle


class ArraySource(Source):
    """Samples of arrays, gathered by a matrix of indices that is made here. The last, smaller batch is kept."""

    def __init__(self, loader: ArrayLoader, batch_size: int, trial_seed: int, *, shuffle: bool, where: str) -> None:
        self._tensors = _as_tensors(loader, where)
        self._size = int(tf.nest.flatten(self._tensors)[0].shape[0])
        self._batch_size = batch_size
        self._trial_seed = trial_seed
        self._shuffle = shuffle and loader.shuffle
        self._order: tuple[int, npt.NDArray[np.int32]] | None = None
        self._sample_words = _sample_words(self._tensors)
        self.batches_per_epoch = -(-self._size // batch_size)

    def take(self, row: Any) -> Any:
        return tf.nest.map_structure(lambda tensor: tf.gather(tensor, row), self._tensors)

    def segments(self, start: int, count: int, at_most: Callable[[], int]) -> Iterator[Segment]:
        full_batches = self._size // self._batch_size
        while count > 0:
            epoch, first = divmod(start, self.batches_per_epoch)
            size = self._batch_size if first < full_batches else self._size % self._batch_size
            batches = min(count, at_most(), full_batches - first) if first < full_batches else 1
            offset = first * self._batch_size
            indices = self._epoch(epoch)[offset : offset + batches * size].reshape(batches, size)
            yield _segment(tf.constant(indices), self._sample_words[indices])
            start, count = start + batches, count - batches

    def examples(self) -> list[Any]:
        numbers = sorted({0, self.batches_per_epoch - 1})
        return [segment.feed for number in numbers for segment in self.segments(number, 1, lambda: 1)]

    def _epoch(self, epoch: int) -> npt.NDArray[np.int32]:
        if not self._shuffle:
            epoch = 0
        if self._order is None or self._order[0] != epoch:
            order = (
                epoch_order(self._trial_seed, epoch, self._size)
                if self._shuffle
                else np.arange(self._size, dtype=np.int32)
            )
            self._order = (epoch, order)
        return self._order[1]


def _segment(feed: Any, sample_words: npt.NDArray[np.uint8]) -> Segment:
    """Makes a segment from the words of its samples: uint8, (batches, samples, 8).

    A batch's word is that of its samples' words in their order. Their sum forgets the order, and may be added up over
    batches: equal sums are the same samples, in whichever order and batches.
    """
    sums = sample_words.view(np.uint64)[..., 0].sum(axis=1, dtype=np.uint64, keepdims=True).view(np.uint8)
    return Segment(feed, len(sample_words), fingerprint.rows(tf.constant(sample_words)).numpy(), sums)


def _sample_words(tensors: Any) -> npt.NDArray[np.uint8]:
    """Returns one word per sample, the first axis of each tensor: uint8, (samples, 8)."""
    columns = [fingerprint.rows(tensor) for tensor in tf.nest.flatten(tensors)]
    return fingerprint.rows(tf.concat(columns, 1)).numpy()


def _as_tensors(loader: ArrayLoader, where: str) -> tuple[Any, ...]:
    """The loader's arrays as tensors, converted as `model.fit` converts them: floats to Keras's floatx."""
    parts: tuple[Any, ...] = (loader.x, loader.y, loader.sample_weight)
    while len(parts) > 1 and parts[-1] is None:
        parts = parts[:-1]
    if any(part is None for part in parts):
        raise TrialDefinitionError(f"{where} has sample weights but no y. Give (x, y, sample_weight).")
    tensors = tuple(_convert(part, where) for part in parts)
    sizes = {int(tensor.shape[0]) for tensor in tf.nest.flatten(tensors)}
    if sizes == {0}:
        raise TrialDefinitionError(f"{where} is empty: its arrays have no samples. Check what make_data_loaders reads.")
    if len(sizes) != 1:
        shapes = ", ".join(str(tuple(tensor.shape)) for tensor in tf.nest.flatten(tensors))
        raise TrialDefinitionError(
            f"{where} has arrays of different lengths, {shapes}: expected the same number of samples (first axis) in "
            "each."
        )
    return tensors


def _convert(part: Any, where: str) -> Any:
    if isinstance(part, Mapping):
        return {key: _convert(value, where) for key, value in part.items()}
    if isinstance(part, (list, tuple)) and any(hasattr(value, "shape") for value in part):
        return tuple(_convert(value, where) for value in part)
    try:
        array = np.asarray(part)
    except ValueError as error:  # lists of different lengths
        raise TrialDefinitionError(
            f"{where} holds a {type(part).__name__} that is no array ({error}), expected numeric arrays of shape "
            "(samples, ...). Pad what differs in length."
        ) from None
    if array.dtype.kind not in "biufc" or array.ndim == 0:
        raise TrialDefinitionError(
            f"{where} holds {type(part).__name__} of dtype {array.dtype} and shape {array.shape}, expected numeric "
            "arrays of shape "
            "(samples, ...). Encode text and objects as numbers first."
        )
    return tf.constant(array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array)


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
    return _segment(feed, _sample_words(samples).reshape(len(batches), -1, fingerprint.WORD_BYTES))


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
