"""The points of a grid: every combination of the values along each parameter.

Parameters are sorted by dotted path, the first varies slowest. No seed is involved.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from pedl.config.hparams import Categorical, Const, Double, Int, Parameter, Space
from pedl.config.limits import grid_count
from pedl.search.space import between, nested, power


def grid_points(space: Space) -> Iterator[dict[str, Any]]:
    """Yields the hyperparameters of each trial of a grid, nested, in creation order."""
    flat = space.flat()
    for point in itertools.product(*(grid_values(parameter) for parameter in flat.values())):
        yield nested(dict(zip(flat, copy.deepcopy(point), strict=True)))


def grid_values(parameter: Parameter) -> list[Any]:
    """Returns the values of a grid along one parameter, in order.

    An int is rounded to the nearest whole number, halves to the even one; one value alone is the midpoint.

    Raises:
      ValueError: if the parameter needs a `count` and has none; a configuration with a grid is checked for it.
    """
    if isinstance(parameter, Const):
        return [parameter.val]
    if isinstance(parameter, Categorical):
        return list(parameter.vals)
    count = grid_count(parameter)
    if count is None:
        raise ValueError(f"no count for the grid: {parameter!r}")
    shares = [Fraction(1, 2)] if count == 1 else [Fraction(i, count - 1) for i in range(count)]
    if isinstance(parameter, Int):
        return [round(parameter.minval + share * (parameter.maxval - parameter.minval)) for share in shares]
    spaced = [between(parameter.minval, parameter.maxval, share) for share in shares]
    if isinstance(parameter, Double):
        return spaced
    return [power(parameter.base, exponent) for exponent in spaced]
