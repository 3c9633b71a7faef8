"""`tf.data.Dataset`: batches that TensorFlow makes, gone through once more from the beginning when a trial is resumed.

A pipeline has state that nobody can read: where its shuffles and its generators are. But under op determinism the same
calls give the same batches, so a resumed trial asks for the batches it has trained already, and drops them; that costs
what making them costs. The loaders are made once: made anew for each epoch, a split of the data into training and
validation could be another one in each. `random` and `np.random` are set from (trial seed, number of the batch) before
each batch, for generators and `numpy_function`s that draw from them: under op determinism such Python runs when
the batch is asked for, and not ahead (TensorFlow 2.21 makes pipelines with state synchronous then).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl import seeds
from pedl.errors import TrialDefinitionError
from pedl.trial.generators import borrowed
from pedl.trial.sources import Segment
from pedl.trial.stacked import StackedSource, as_batch

KEPT_BYTES = 256 * 2**20
"""Validation data up to this size are kept in memory; larger ones are made anew for each validation."""


class DatasetSource(StackedSource):
    """The batches of a dataset, pass after pass. It can be gone through forwards only, as training does.

    Args:
      role: "training" or "validation", part of the key. Every validation is the same pass.
    """

    def __init__(self, dataset: tf.data.Dataset, trial_seed: int, role: str, where: str) -> None:
        _check(dataset, role, where)
        self._dataset = dataset
        self._trial_seed = trial_seed
        self._role = role
        self._where = where
        self._iterator = iter(dataset)
        self._next_number = 0
        self._first: Any = None
        self._example: Any = None
        self._kept: list[tuple[Any, ...]] | None = None
        self._known_words: npt.NDArray[np.uint8] | None = None

    def examples(self) -> list[Any]:
        # The first batch, made once: another iterator would move the dataset's shuffles.
        if self._example is None:
            self._first = self._made()
            batch = self._as_batch(self._first)
            self._example = tf.nest.map_structure(lambda leaf: tf.constant(leaf[np.newaxis]), batch)
        return [self._example]

    def go_to(self, number: int) -> None:
        assert number >= self._next_number, f"at batch {self._next_number}, cannot go back to {number}"
        while self._next_number < number:
            self._take_next()

    def batches(self, start: int, count: int) -> Iterator[tuple[Any, ...]]:
        self.go_to(start)
        for _ in range(count):
            yield self._as_batch(self._take_next())

    def epoch(self, at_most: Callable[[], int]) -> Iterator[Segment]:
        if self._kept is not None:
            yield from self.stacked(self._kept, at_most)
            return
        words = []
        for segment in self.stacked(self._one_pass(), at_most):
            words.append(segment.words)
            yield segment
        self._compare(np.concatenate(words))

    def _one_pass(self) -> Iterator[tuple[Any, ...]]:
        batches: list[tuple[Any, ...]] | None = []
        kept_bytes = 0
        while (element := self._take_next_or_none()) is not None:
            batch = self._as_batch(element)
            kept_bytes += sum(leaf.nbytes for leaf in tf.nest.flatten(batch))
            if batches is not None and kept_bytes <= KEPT_BYTES:
                batches.append(batch)
            else:
                batches = None
            yield batch
        self._kept = batches
        self._iterator, self._next_number = iter(self._dataset), 0

    def _compare(self, words: npt.NDArray[np.uint8]) -> None:
        if self._known_words is not None and not np.array_equal(words, self._known_words):
            raise TrialDefinitionError(
                f"{self._where} differs from validation to validation, expected the same batches in each pass. Leave "
                "shuffle() and random map()s out of it, or end it with .cache()."
            )
        self._known_words = words

    def _take_next(self) -> Any:
        element = self._take_next_or_none()
        if element is None:
            self._iterator = iter(self._dataset)
            element = self._made()
            self._next_number += 1
        return element

    def _take_next_or_none(self) -> Any:
        element, self._first = self._first, None
        if element is None:
            element = self._made_or_none()
        self._next_number += element is not None
        return element

    def _made(self) -> Any:
        element = self._made_or_none()
        if element is None:
            raise TrialDefinitionError(
                f"{self._where} is empty: its tf.data.Dataset has no batches. Check what make_data_loaders reads, and "
                "whether batch(..., drop_remainder=True) drops all there is."
            )
        return element

    def _made_or_none(self) -> Any:
        with borrowed(seeds.stream_seed(self._trial_seed, "dataset", self._role, self._next_number)):
            return next(self._iterator, None)

    def _as_batch(self, element: Any) -> tuple[Any, ...]:
        return as_batch(element, self._where)


def _check(dataset: tf.data.Dataset, role: str, where: str) -> None:
    specs = tf.nest.flatten(dataset.element_spec)
    special = next((spec for spec in specs if not isinstance(spec, tf.TensorSpec)), None)
    if special is not None:
        raise TrialDefinitionError(
            f"{where} yields {type(special).__name__.removesuffix('Spec')}s, expected tensors: one function is "
            "compiled for each shape of a batch, and a record of all bytes is kept, which ragged and sparse batches "
            "do not have. Make them dense in a map: ragged.to_tensor(shape=...), tf.sparse.to_dense(sparse)."
        )
    sizes = {spec.shape[0] if spec.shape.rank else 0 for spec in specs if spec.shape.rank is not None}
    if 0 in sizes or len(sizes - {None}) > 1:
        raise TrialDefinitionError(
            f"{where} yields {', '.join(f'{spec.dtype.name} {spec.shape}' for spec in specs)}, expected batches, with "
            "the same number of samples first in each. Is it batched? End it with .batch(batch_size)."
        )
    if role == "validation" and int(dataset.cardinality()) == tf.data.INFINITE_CARDINALITY:
        raise TrialDefinitionError(
            f"{where} never ends, and a validation is one pass. Take as many batches as it should have: .take(n)."
        )
