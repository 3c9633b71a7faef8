"""What a trial's hyperparameters are: draws from a space, keyed by experiment seed, trial number and dotted path.

A draw is a function of its key and of its own parameter alone. Adding, renaming or reordering other parameters,
adding trials, `PYTHONHASHSEED`, NumPy and the processor change nothing. All arithmetic is of integers, fractions
and decimals, rounded once.
"""

from __future__ import annotations

import copy
import decimal
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from pedl.config.hparams import Categorical, Const, Double, Int, Log, Parameter, Space
from pedl.seeds import hparam_bits

BITS = 128
"""Bits that decide one draw; of these, a double uses the 53 highest."""

_WORKING = decimal.Context(prec=60, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)
_SETTLED = decimal.Context(prec=50, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN)


def draw_hparams(space: Space, experiment_seed: int, trial_number: int) -> dict[str, Any]:
    """Returns the hyperparameters of a trial, nested, with names in sorted order.

    Args:
      experiment_seed: 0 .. 2**31 - 1.
      trial_number: from 1.
    """
    return nested(
        {
            path: draw(parameter, hparam_bits(experiment_seed, trial_number, path))
            for path, parameter in space.flat().items()
        }
    )


def draw(parameter: Parameter, bits: int) -> Any:
    """Returns the value that `bits` (0 .. 2**128 - 1) choose.

    An int is uniform over minval .. maxval, a double over [minval, maxval), a log is base to the power of such a
    double, a categorical is uniform over its values. The largest range of an int, 2**64, leaves a bias of 2**-64.
    """
    if isinstance(parameter, Const):
        return copy.deepcopy(parameter.val)
    if isinstance(parameter, Int):
        return parameter.minval + _below(parameter.maxval - parameter.minval + 1, bits)
    if isinstance(parameter, Double):
        return _double(parameter.minval, parameter.maxval, bits)
    if isinstance(parameter, Log):
        return power(parameter.base, _double(parameter.minval, parameter.maxval, bits))
    if isinstance(parameter, Categorical):
        return copy.deepcopy(parameter.vals[_below(len(parameter.vals), bits)])
    raise TypeError(f"no draw for {parameter!r}")


def between(minval: float, maxval: float, share: Fraction) -> float:
    """Returns the float nearest to `minval + share * (maxval - minval)`, for a share in 0 .. 1."""
    low, high = Fraction(minval), Fraction(maxval)
    return float(low + share * (high - low))


def power(base: float, exponent: float) -> float:
    """Returns the float nearest to base ** exponent, on every machine.

    `math.pow` differs by an ulp between processors. Here the power is computed to 60 digits, whose last may be off,
    and settled to 50: an exact result becomes exact, and another one is rounded wrongly with a chance below 1e-30.
    """
    exact = _WORKING.power(decimal.Decimal(base), decimal.Decimal(exponent))
    return float(_SETTLED.plus(exact))


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Returns values by dotted path as nested dicts.

    >>> nested({"lr": 0.1, "optimizer.momentum": 0.9})
    {'lr': 0.1, 'optimizer': {'momentum': 0.9}}
    """
    tree: dict[str, Any] = {}
    for path, value in flat.items():
        *parents, name = path.split(".")
        branch = tree
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[name] = value
    return tree


def _below(count: int, bits: int) -> int:
    return bits * count >> BITS


def _double(minval: float, maxval: float, bits: int) -> float:
    value = between(minval, maxval, Fraction(bits >> BITS - 53, 2**53))
    # Rounding to the nearest float may reach maxval, which does not belong to the range.
    return value if value < maxval else math.nextafter(maxval, minval)
