"""Where batches come from: a place in the data is a number of batches, and any place can be gone to.

A source cuts a run of batches into *segments* of equally shaped batches. The training loop executes a segment in one
call: it hands the segment's `feed`, whose tensors have a leading axis of batches, to a compiled function, which applies
the source's `take` to one row after the other.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl.trial import fingerprint


@dataclass(frozen=True)
class Segment:
    """Consecutive batches of one shape.

    Attributes:
      feed: nested tensors whose first axis counts the batches.
      count: the number of batches, at least 1.
      words: the words of the batches' data: uint8, (count, 8).
      samples: the same for samples in any order: uint8, (count, 8); see `segment`.
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


def segment(feed: Any, words: npt.NDArray[np.uint8]) -> Segment:
    """Makes a segment from the words of its samples: uint8, (batches, samples, 8).

    A batch's word is that of its samples' words in their order. Their sum forgets the order, and may be added up over
    batches: equal sums are the same samples, in whichever order and batches.
    """
    sums = words.view(np.uint64)[..., 0].sum(axis=1, dtype=np.uint64, keepdims=True).view(np.uint8)
    return Segment(feed, len(words), fingerprint.rows(tf.constant(words)).numpy(), sums)


def sample_words(tensors: Any) -> npt.NDArray[np.uint8]:
    """Returns one word per sample, the first axis of each tensor: uint8, (samples, 8)."""
    columns = [fingerprint.rows(tensor) for tensor in tf.nest.flatten(tensors)]
    return fingerprint.rows(tf.concat(columns, 1)).numpy()
