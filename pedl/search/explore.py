"""From the hyperparameters of a parent to those of its clone: some are drawn anew, the others move a little.

With probability `resample_probability` a parameter is drawn as a new trial with the clone's number would draw it. Else
an int and a double are multiplied by 1 + or - `perturb_factor`, an int is rounded away from its old value, and a log is
multiplied, too, which moves its exponent by log(1 + or - factor). All stay in their ranges. Choices and constants stay
as they are. What happens is keyed by experiment seed, clone and dotted path; all arithmetic is exact, rounded once.

Source: `explore` in Jaderberg et al., "Population based training of neural networks", 2017, which either perturbs each
hyperparameter, by a factor of 0.8 or 1.2, or resamples it from its prior with some probability. Ours are the choice
between the two for each parameter, the ranges and the rounding, and draws that are keyed instead of taken from a
running stream.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pedl.config.brackets import exact
from pedl.config.hparams import Double, Int, Log, Parameter, Space
from pedl.config.searcher import ExploreFunction
from pedl.search.space import BITS, draw, nested, power
from pedl.seeds import explore_bits, hparam_bits


def explored(
    space: Space, hparams: Mapping[str, Any], experiment_seed: int, trial_number: int, how: ExploreFunction
) -> dict[str, Any]:
    """Returns the hyperparameters of clone `trial_number`, whose parent has `hparams`."""
    changed: dict[str, Any] = {}
    for path, parameter in space.flat().items():
        bits = explore_bits(experiment_seed, trial_number, path)
        if Fraction(bits >> 1, 2 ** (BITS - 1)) < exact(how.resample_probability):
            changed[path] = draw(parameter, hparam_bits(experiment_seed, trial_number, path))
        else:
            factor = 1 + exact(how.perturb_factor) * (1 if bits & 1 else -1)
            changed[path] = perturbed(parameter, at(hparams, path), factor)
    return nested(changed)


def perturbed(parameter: Parameter, value: Any, factor: Fraction) -> Any:
    """Returns a value of a parameter, multiplied by a factor and kept in its range."""
    if isinstance(parameter, Int):
        moved = value * factor
        rounded = math.ceil(moved) if moved > value else math.floor(moved)
        return min(max(rounded, parameter.minval), parameter.maxval)
    if isinstance(parameter, Double):
        return _within(value, factor, parameter.minval, parameter.maxval)
    if isinstance(parameter, Log):
        ends = sorted((power(parameter.base, parameter.minval), power(parameter.base, parameter.maxval)))
        return _within(value, factor, *ends)
    return value


def at(hparams: Mapping[str, Any], path: str) -> Any:
    """Returns the value at a dotted path of nested hyperparameters."""
    for name in path.split("."):
        hparams = hparams[name]
    return hparams


def _within(value: float, factor: Fraction, low: float, high: float) -> float:
    moved = Fraction(value) * factor
    highest = math.nextafter(high, low)  # the end itself does not belong to the range
    return low if moved < Fraction(low) else highest if moved > Fraction(highest) else float(moved)
