"""How many points a grid has, and when that is too many or not said."""

from __future__ import annotations

import math

from pedl.config.hparams import Categorical, Const, Int, Parameter, Space
from pedl.config.problems import Problem

LARGEST_GRID = 10_000
"""Points; a larger grid is refused."""


def grid_count(parameter: Parameter) -> int | None:
    """Returns how many values a grid has along a parameter; None if its `count` is needed and absent.

    The `count` of an int is clamped to how many integers there are.
    """
    if isinstance(parameter, Const):
        return 1
    if isinstance(parameter, Categorical):
        return len(parameter.vals)
    if isinstance(parameter, Int) and parameter.count is not None:
        return min(parameter.count, parameter.maxval - parameter.minval + 1)
    return parameter.count


def grid_size(space: Space) -> int:
    """Returns how many points the grid of a space has; 1 for a space of constants."""
    return math.prod(grid_count(parameter) or 1 for parameter in space.flat().values())


def grid_problems(space: Space) -> list[Problem]:
    """Returns a problem for each parameter whose `count` is absent, or one if the grid is too large."""
    missing = [path for path, parameter in space.flat().items() if grid_count(parameter) is None]
    if missing:
        message = (
            f"`count` is missing, expected in a grid for each of: {', '.join(missing)}; add for example `count: 3`"
        )
        return [Problem(("hyperparameters", *path.split(".")), message) for path in missing]
    if (size := grid_size(space)) > LARGEST_GRID:
        factors = " x ".join(str(grid_count(parameter)) for parameter in space.flat().values())
        message = f"found a grid of {size:,} points ({factors}), expected at most {LARGEST_GRID:,}; lower some `count`"
        return [Problem(("hyperparameters",), message)]
    return []
