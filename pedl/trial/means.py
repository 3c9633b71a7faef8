"""Means over samples, from the values of batches of different sizes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from pedl.errors import TrialDefinitionError


class Means:
    """The running means of named values, each weighted by the size of its batch; sums are kept in float64."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begins anew."""
        self._samples = 0
        self._sums: dict[str, npt.NDArray[np.float64]] = {}

    def add(self, values: Iterable[tuple[str, Any]], size: int) -> None:
        """Adds the (name, value) pairs of a batch of `size` samples.

        Raises:
          TrialDefinitionError: if a value has another shape than before.
        """
        self._samples += size
        for name, value in values:
            weighted = np.asarray(value, np.float64) * size
            before = self._sums.get(name)
            if before is not None and before.shape != weighted.shape:
                raise TrialDefinitionError(
                    f"{name!r} has shape {weighted.shape} for a batch of {size}, and had {before.shape} before, "
                    "expected one shape: pedl takes the mean over batches. Reduce it over the samples: "
                    "tf.reduce_mean(value, 0)"
                )
            self._sums[name] = weighted if before is None else before + weighted

    def result(self) -> dict[str, Any]:
        """Returns name -> mean, a float or nested lists of them, sorted by name."""
        return {name: (self._sums[name] / self._samples).tolist() for name in sorted(self._sums)}

    def get_state(self) -> dict[str, Any]:
        """Returns what `set_state` needs to go on in another process, as plain JSON."""
        sums = {name: {"shape": list(it.shape), "float64": it.tobytes().hex()} for name, it in self._sums.items()}
        return {"samples": self._samples, "sums": sums}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` returned."""
        self._samples = state["samples"]
        self._sums = {
            name: np.frombuffer(bytes.fromhex(it["float64"]), np.float64).reshape(it["shape"])
            for name, it in state["sums"].items()
        }
