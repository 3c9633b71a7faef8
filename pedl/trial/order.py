"""The order of training data: a permutation of each epoch, keyed by (trial seed, epoch).

Nothing runs on: the order of any epoch, and so the place of any batch, is computed from two integers. Seeded once,
`model.fit(shuffle=True)` repeats one permutation in every epoch; here each epoch has its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pedl import seeds


def epoch_order(trial_seed: int, epoch: int, size: int) -> npt.NDArray[np.int32]:
    """Returns the order of an epoch: int32, (size,), a permutation of 0 .. size - 1.

    Philox4x64-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011) gives one 64-bit word per
    sample, and the samples are sorted by their words. Raw words and a stable sort, because NumPy does not promise
    that `Generator.permutation` stays the same from version to version.
    """
    words = np.random.Philox(key=np.array(seeds.order_key(trial_seed, epoch), dtype=np.uint64)).random_raw(size)
    return np.argsort(words, kind="stable").astype(np.int32)
