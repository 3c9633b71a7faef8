"""Where numbers stand on an axis, from 0 to 1, and which of them are written there.

Numbers are whatever a configuration may hold, from 5e-324 to 10**400, also side by side. Floats and the scripts that
draw end at 1.8e308, and their differences before; so this is computed in decimals, whose exponents have room.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, localcontext
from typing import Any, TypeVar

MANY_TIMES = 100
"""Numbers whose largest is at least so many times their smallest are taken by their logarithm."""
MOST_TICKS = 5
"""Different numbers that are all written; of more, round ones are."""
APART = 0.06
"""The least distance of two that are written, as a part of the axis: the height of a line of text."""

Position = tuple[float, str]
Result = TypeVar("Result")


def _in_decimals(function: Callable[..., Result]) -> Callable[..., Result]:
    """Makes a function compute with 28 digits, whatever its caller has set."""

    @functools.wraps(function)
    def computed(*args: Any) -> Result:
        with localcontext(Context(prec=28)):
            return function(*args)

    return computed


def is_logarithmic(numbers: Sequence[float]) -> bool:
    """Tells whether numbers are taken by their logarithm."""
    low, high = min(numbers), max(numbers)
    return bool(low > 0 and high >= low * MANY_TIMES)


@_in_decimals
def positions(numbers: Sequence[float], logarithmic: bool = False) -> list[float]:
    """Returns where each number stands between the smallest, 0, and the largest, 1; 0 if all are equal."""
    found = {number: _taken(number, logarithmic) for number in set(numbers)}
    low, high = min(found.values()), max(found.values())
    return [float((found[number] - low) / ((high - low) or 1)) for number in numbers]


@_in_decimals
def ticks(numbers: Sequence[float], logarithmic: bool = False) -> list[Position]:
    """Returns the positions at which a number is written, with its text, the smallest first.

    Of logarithms these are whole powers of ten, the first below all numbers and the last above: beyond 0 and 1.
    """
    different = sorted({_taken(number, logarithmic) for number in numbers})
    low, high = different[0], different[-1]
    if logarithmic:
        step = max(_round_step(low, high), Decimal(1))
        found = [(power, f"1e{power:f}") for power in _multiples(low, high, step, ROUND_FLOOR, ROUND_CEILING)]
    elif len(different) <= MOST_TICKS:
        found = list(zip(different, _told_apart(different), strict=True))
    else:
        found = [(it, _text(it)) for it in _multiples(low, high, _round_step(low, high), ROUND_CEILING, ROUND_FLOOR)]
    return apart([(float((number - low) / ((high - low) or 1)), text) for number, text in found])


def apart(found: Sequence[Position]) -> list[Position]:
    """Returns those of some positions, in order, at which texts do not stand on each other."""
    kept: list[Position] = []
    for position, text in found:
        if not kept or position - kept[-1][0] >= APART:
            kept.append((position, text))
    return kept


def _taken(number: float, logarithmic: bool) -> Decimal:
    """Returns a number as it was written, 0.1 and not the float next to it, or its logarithm, which is small."""
    taken = math.log10(number) if logarithmic else number
    return Decimal(taken if isinstance(taken, int) else repr(taken))


def _round_step(low: Decimal, high: Decimal) -> Decimal:
    """Returns the least of 1, 2 or 5 times a power of ten that goes at most 8 times from `low` to `high`."""
    power = ((high - low) / 10).adjusted()
    steps = [Decimal(times).scaleb(power + more) for more in (0, 1) for times in (1, 2, 5)]
    return next(step for step in steps if step * 8 >= high - low)


def _multiples(low: Decimal, high: Decimal, step: Decimal, first: str, last: str) -> list[Decimal]:
    """Returns the multiples of `step` between two numbers, which are rounded to such by `first` and `last`."""
    start, end = (low / step).to_integral_value(first), (high / step).to_integral_value(last)
    return [(start + count) * step for count in range(int(end - start) + 1)]


def _told_apart(different: Sequence[Decimal]) -> list[str]:
    """Returns texts of six digits, or of as many as it takes to tell the numbers apart; at most 17."""
    for digits in range(6, 18):
        texts = [_text(Context(prec=digits).plus(number)) for number in different]
        if len({*texts}) == len(texts):
            break
    return texts


def _text(number: Decimal) -> str:
    """Returns a number as it is written at an axis: 0.001, 250, 1e6, 2.5e-8."""
    if number == 0:
        return "0"
    if -4 <= number.adjusted() < 6:
        return f"{number.normalize():f}"
    return f"{number.normalize():e}".replace("e+", "e")
