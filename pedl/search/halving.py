"""Successive halving in brackets: at each rung the best go on, and who is best does not depend on who was first.

All trials of all brackets are created at the start, the largest bracket first, and trained to their first rung. A trial
goes on as soon as it is certain to be among the best of its rung whatever the others report, and is closed as soon as
it is certain not to be; so nobody waits longer than for that. In the paper (Jamieson and Talwalkar, "Non-stochastic
best arm identification", 2016) a rung is a barrier. ASHA (Li et al. 2020) promotes whoever is best so far instead,
which depends on who was first: its rule for a fixed order of trials is in `pedl.search.asha`.

A place among the best that falls to a failed trial stays empty. The trial counts as failed at the rungs above, too.
"""

from __future__ import annotations

from pedl.config.brackets import Bracket, brackets
from pedl.config.hparams import Space
from pedl.config.searcher import HalvingSearcher
from pedl.search.best import BestOf, Rank, has_failed, rank, rank_of_failure
from pedl.search.method import Operation, Plan
from pedl.search.roster import Roster
from pedl.search.space import draw_hparams
from pedl.search.told import ToldSearch


class HalvingSearch(ToldSearch):
    """`async_halving`, `adaptive` and `adaptive_simple`, which differ in their brackets alone."""

    def __init__(self, searcher: HalvingSearcher, space: Space, experiment_seed: int) -> None:
        super().__init__()
        self._smaller_is_better = searcher.smaller_is_better
        self._space = space
        self._experiment_seed = experiment_seed
        self._brackets = brackets(searcher)
        self._ladders: list[_Ladder] = []
        """By trial number, less one."""

    def start(self) -> list[Operation]:
        """Returns Create and Train for each trial, in order of trial numbers."""
        operations: list[Operation] = []
        for bracket in self._brackets:
            ladder = _Ladder(bracket, self._roster)
            for _ in range(bracket[0].trials):
                self._ladders.append(ladder)
                hparams = draw_hparams(self._space, self._experiment_seed, len(self._ladders))
                operations += self._roster.create(hparams, bracket[0].steps)
        return operations

    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        return self._ladders[trial_id - 1].add(rank(metric, trial_id, self._smaller_is_better))

    def _failed(self, trial_id: int) -> list[Operation]:
        return self._ladders[trial_id - 1].add(rank_of_failure(trial_id))

    def plan(self) -> Plan:
        """Returns the brackets, which are known exactly."""
        return Plan(tuple(self._brackets), sum(bracket[0].trials for bracket in self._brackets))


class _Ladder:
    """The rungs of one bracket."""

    def __init__(self, bracket: Bracket, roster: Roster) -> None:
        self._bracket = bracket
        self._roster = roster
        promoted = [rung.trials for rung in bracket[1:]] + [0]
        self._rungs = [BestOf(rung.trials, best) for rung, best in zip(bracket, promoted, strict=True)]
        self._at: dict[int, int] = {}
        """The rung that a trial was promoted to; the first where there is none."""

    def add(self, result: Rank) -> list[Operation]:
        """Takes in a trial's result at the rung that it was trained to."""
        number = self._at.get(result[2], 0)
        certain, out = self._rungs[number].add(result)
        operations: list[Operation] = []
        operations += [self._roster.close(other[2], self._why(number)) for other in out if not has_failed(other)]
        for other in certain:
            self._at[other[2]] = number + 1
            if has_failed(other):
                operations += self.add(other)
            else:
                operations.append(self._roster.train(other[2], self._bracket[number + 1].steps))
        return operations

    def _why(self, number: int) -> str:
        if number == len(self._bracket) - 1:
            return ""
        return not_among(self._bracket[number + 1].trials, self._bracket[number].trials, number, self._bracket)


def not_among(best: int, of: int, number: int, bracket: Bracket) -> str:
    """Returns why a trial was stopped at rung `number`, counted from 0."""
    return f"not among the best {best} of {of} at rung {number + 1} of {len(bracket)} (step {bracket[number].steps})"
