"""Data that lie in memory as arrays: batches are gathered from them, in an order of the trial's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.order import epoch_order
from pedl.trial.sources import Segment, Source, sample_words, segment


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
        self._sample_words = sample_words(self._tensors)
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
            yield segment(tf.constant(indices), self._sample_words[indices])
            start, count = start + batches, count - batches

    def examples(self) -> list[Any]:
        numbers = sorted({0, self.batches_per_epoch - 1})
        return [it.feed for number in numbers for it in self.segments(number, 1, lambda: 1)]

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
            f"{where} holds a {type(part).__name__} that is not an array ({error}), expected numeric arrays of shape "
            "(samples, ...). Pad what differs in length."
        ) from None
    if array.dtype.kind not in "biufc" or array.ndim == 0:
        raise TrialDefinitionError(
            f"{where} holds {type(part).__name__} of dtype {array.dtype} and shape {array.shape}, expected numeric "
            "arrays of shape "
            "(samples, ...). Encode text and objects as numbers first."
        )
    return tf.constant(array.astype(keras.config.floatx()) if array.dtype.kind == "f" else array)
