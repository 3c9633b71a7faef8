"""`keras.utils.PyDataset`: items made by the user's Python, reproducible for any number of workers.

`random` and `np.random` are set from (trial seed, epoch, index) before each item, and from (trial seed, epoch, hook)
before each hook, and are given back afterwards. So what an item draws depends on its place alone: not on who made it,
nor on what was made before. An item that draws from another generator that is kept is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

from pedl import seeds
from pedl.errors import TrialDefinitionError
from pedl.trial.generators import borrowed
from pedl.trial.kept_state import KeptState
from pedl.trial.stacked import StackedSource, as_batch
from pedl.trial.tracked import TrackedGenerators


class SequenceSource(StackedSource):
    """The batches of a `PyDataset`, in the order of their indices: it is never shuffled here.

    Args:
      role: "training" or "validation", part of the key. Only training has epochs: its hooks `on_epoch_begin` and
        `on_epoch_end` are called, and called again for the epochs passed when a trial is resumed. Every validation is
        the same pass, without hooks.
      generators: those of the model definition.
    """

    def __init__(
        self,
        dataset: keras.utils.PyDataset,
        trial_seed: int,
        role: str,
        where: str,
        generators: TrackedGenerators,
    ) -> None:
        self._dataset = dataset
        self._trial_seed = trial_seed
        self._role = role
        self._where = where
        self._epochs_begun = 0
        self._kept = KeptState(generators, dataset, where)
        batches = dataset.num_batches
        if batches is None:
            raise TrialDefinitionError(
                f"{where}: its __len__ (num_batches) is None, expected the number of batches in an epoch."
            )
        if batches < 1:
            raise TrialDefinitionError(
                f"{where} is empty: its length is {batches}. Check what make_data_loaders reads."
            )
        self.batches_per_epoch = int(batches)

    def go_to(self, number: int) -> None:
        """Calls the hooks that were called before `number` batches were made, so that generators which they draw from
        come to where they were, and those which they make are there.
        """
        if number > 0:
            self._begin_epochs_up_to((number - 1) // self.batches_per_epoch)

    def batches(self, start: int, count: int) -> Iterator[tuple[Any, ...]]:
        for number in range(start, start + count):
            yield self.batch(number)

    def batch(self, number: int) -> tuple[Any, ...]:
        """Returns the batch of a number, made under the key of its place. Of epochs that have passed only shapes are
        asked for: their hooks are called once.
        """
        epoch, index = divmod(number, self.batches_per_epoch)
        if self._role == "training":
            self._begin_epochs_up_to(epoch)
        else:
            epoch = 0
        seed = seeds.stream_seed(self._trial_seed, "sequence", self._role, epoch, index)
        with self._kept.item(index), borrowed(seed, of_an_item=True):
            return as_batch(self._dataset[index], f"{self._where}[{index}]")

    def _begin_epochs_up_to(self, epoch: int) -> None:
        while self._epochs_begun <= epoch:
            if self._epochs_begun > 0:
                self._hook("on_epoch_end", self._epochs_begun - 1)
            self._hook("on_epoch_begin", self._epochs_begun)
            self._epochs_begun += 1

    def _hook(self, name: str, epoch: int) -> None:
        # Keras 3.10 has no on_epoch_begin yet.
        hook = getattr(self._dataset, name, None)
        if hook is not None:
            seed = seeds.stream_seed(self._trial_seed, "sequence", self._role, epoch, name)
            with self._kept.hook(name), borrowed(seed):
                hook()
