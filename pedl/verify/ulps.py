"""How far two checkpoints of the same model are apart, in units in the last place of their floats."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from pedl.files import STATE_FILE, TENSORS_FILE

_FLOATS = {"float64": np.uint64, "float32": np.uint32, "float16": np.uint16, "bfloat16": np.uint16}
"""Type -> what holds its bits. Neighbouring floats of one sign have neighbouring bits in all of them."""


@dataclass(frozen=True)
class Distance:
    """The largest distance between two checkpoints.

    Attributes:
      ulps: how many floats the farthest values are apart; counted through zero if their signs differ.
      tensor: the variable that holds them.
    """

    ulps: int
    tensor: str


def distance(one: Path, other: Path) -> Distance | None:
    """Returns the largest distance of the model's and the optimizers' floats; None if the variables are others.

    Args:
      one, other: directories of checkpoints.
    """
    headers = [json.loads((path / STATE_FILE).read_bytes())["variables"] for path in (one, other)]
    if headers[0] != headers[1]:
        return None
    raw = [safetensors.numpy.load((path / TENSORS_FILE).read_bytes()) for path in (one, other)]
    farthest: tuple[int, str] = (0, "")
    for index, entry in enumerate(headers[0]):
        left, right = (side[f"{index:06d}"] for side in raw)
        if entry["group"] in ("model", "optimizer") and entry["dtype"] in _FLOATS:
            found = _farthest(left, right, _FLOATS[entry["dtype"]])
            farthest = max(farthest, (found, entry["path"]), key=lambda pair: pair[0])
    return Distance(*farthest)


def _farthest(one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], bits: Any) -> int:
    left, right = (_ordered(side.view(bits)) for side in (one, other))
    differ = left != right
    if not differ.any():
        return 0
    # As Python's integers: the distance of two float64 of opposite signs fits no 64 bits.
    return max(abs(int(a) - int(b)) for a, b in _extremes(left[differ], right[differ]))


def _ordered(bits: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Integers in the order of the floats that have these bits: -0.0 is 0, and its neighbours are 1 and -1."""
    width = bits.dtype.itemsize * 8
    magnitude = (bits & bits.dtype.type(2 ** (width - 1) - 1)).astype(np.int64)
    ordered: npt.NDArray[np.int64] = np.where(bits >> bits.dtype.type(width - 1), -magnitude, magnitude)
    return ordered


def _extremes(left: npt.NDArray[Any], right: npt.NDArray[Any]) -> list[tuple[Any, Any]]:
    """The pair with the largest distance, by floats of enough precision, and those as far as these can tell."""
    apart = np.abs(left.astype(np.float64) - right.astype(np.float64))
    chosen = apart >= apart.max() * (1 - 1e-12)
    return list(zip(left[chosen], right[chosen], strict=True))
