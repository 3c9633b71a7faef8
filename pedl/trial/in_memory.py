"""The original system's data loaders of Keras trials, on `keras.utils.PyDataset`."""

from __future__ import annotations

from typing import Any

import keras

from pedl.errors import TrialDefinitionError


def KerasDataAdapter(
    sequence: keras.utils.PyDataset, workers: int = 1, use_multiprocessing: bool = False
) -> keras.utils.PyDataset:
    """Returns the sequence itself, to be made by `workers` threads, or processes; their number moves no bit."""
    if not isinstance(sequence, keras.utils.PyDataset):
        raise TrialDefinitionError(
            f"KerasDataAdapter was given a {type(sequence).__name__}, expected a keras.utils.Sequence."
        )
    sequence.workers, sequence.use_multiprocessing = workers, use_multiprocessing
    return sequence


class InMemorySequence(keras.utils.PyDataset):
    """Batches of arrays in their order.

    Args:
      data: an array, (samples, ...), or a list of them.
      labels: the same.
      batch_size: at least 1; the last batch may be smaller.
    """

    def __init__(self, data: Any, labels: Any, batch_size: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._parts = data, labels
        self._batch_size = batch_size
        self._size = len(keras.tree.flatten(data)[0])

    def __len__(self) -> int:
        return -(-self._size // self._batch_size)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = slice(index * self._batch_size, (index + 1) * self._batch_size)
        data, labels = (keras.tree.map_structure(lambda array: array[rows], part) for part in self._parts)
        return data, labels
