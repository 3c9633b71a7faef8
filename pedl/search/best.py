"""Results in order, and the best of them as they arrive: by (metric, trial number), NaN after numbers, failures last.

No two results of different trials are equal, so that the best k are the same trials in whatever order they arrive.
Everything here costs O(log n) for a result.
"""

from __future__ import annotations

import heapq
import math

from pedl.config.brackets import exact

Rank = tuple[int, float, int]
"""Smaller is better: 0 for a number, 1 for NaN, 2 for a failure; the metric, so that smaller is better; the trial."""


def rank(metric: float | None, trial_id: int, smaller_is_better: bool) -> Rank:
    """Returns where a result stands among others; None, like NaN, is a result without a number."""
    if metric is None or math.isnan(metric):
        return 1, 0.0, trial_id
    return 0, metric if smaller_is_better else -metric, trial_id


def rank_of_failure(trial_id: int) -> Rank:
    """Returns where a failed trial stands."""
    return 2, 0.0, trial_id


def has_failed(result: Rank) -> bool:
    """Returns whether a rank is that of a failed trial, which may be among the best where there are few others."""
    return result[0] == 2


class BestOf:
    """Which of `expected` results are certain to be among the best `best`, and which are certain not to be.

    Args:
      expected: results in all, at least 1; `add` takes in so many and no more.
      best: how many are wanted, 0 .. `expected`.

    With n results, the best `best - (expected - n)` of them are among the best whatever the others are; whoever has
    `best` better ones already is not.
    """

    def __init__(self, expected: int, best: int) -> None:
        self._missing = expected
        self._best = best
        self._undecided: list[Rank] = []  # a heap of those that are not certain yet, and of some that are out
        self._in_reach: list[Rank] = []  # a heap of the best `best` results, the worst of them first

    def add(self, result: Rank) -> tuple[list[Rank], list[Rank]]:
        """Takes in a result; returns those that are certain to be among the best now, and those certain not to be.

        Each result is returned once, by the last `add` at the latest.
        """
        self._missing -= 1
        heapq.heappush(self._undecided, result)
        heapq.heappush(self._in_reach, _reversed(result))
        out = [_reversed(heapq.heappop(self._in_reach))] if len(self._in_reach) > self._best else []
        # One result more makes one trial more certain: the best of those that were not.
        certain = [heapq.heappop(self._undecided)] if self._missing < self._best else []
        return certain, out


class BestSoFar:
    """Whether each of some results in a fixed order is among the best 1/divisor of those up to it, or the best.

    Args:
      divisor: at least 1, and finite; a decimal such as 2.5 is taken as what it says, not as the nearest binary number.
    """

    def __init__(self, divisor: float) -> None:
        self._divisor = exact(divisor)
        self.results = 0
        self._best: list[Rank] = []  # a heap of the best `places`, the worst of them first
        self._rest: list[Rank] = []  # a heap of all others, the best of them first

    @property
    def places(self) -> int:
        """How many results are among the best now."""
        return max(self.results * self._divisor.denominator // self._divisor.numerator, 1)

    def add(self, result: Rank) -> bool:
        """Takes in the next result, and tells whether it is among the best."""
        self.results += 1
        heapq.heappush(self._rest, result)
        if len(self._best) < self.places:
            risen = heapq.heappop(self._rest)
            heapq.heappush(self._best, _reversed(risen))
            return risen == result
        if self._rest[0] > _reversed(self._best[0]):
            return False
        risen = heapq.heappop(self._rest)
        heapq.heappush(self._rest, _reversed(heapq.heapreplace(self._best, _reversed(risen))))
        return risen == result


def _reversed(result: Rank) -> Rank:
    return -result[0], -result[1], -result[2]
