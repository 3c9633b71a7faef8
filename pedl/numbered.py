"""Numbers of experiments and trials, for people."""

from __future__ import annotations

from collections.abc import Sequence


def numbered(numbers: Sequence[int]) -> str:
    """Returns numbers that increase.

    >>> numbered([1, 3, 4, 5])
    '1, 3 to 5'
    """
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)
