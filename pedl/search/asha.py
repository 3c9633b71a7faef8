"""ASHA with one outcome: trials are trained in any order, and decided about in the order of their numbers.

A decision about a trial at a rung reads only the results of trials with smaller numbers at that rung, and is made once
each of them has reported there, was stopped before it, or has failed: results arrive out of order and are committed in
order, as in a processor's reorder buffer. The decisions are those of one worker that trains one trial after the other,
for any number of workers.

The stopping form of ASHA (Li, Jamieson, Rostamizadeh et al., "A system for massively parallel hyperparameter tuning",
2020), in which a trial goes on unless the results so far say otherwise: of n results it must be among the best
max(n // divisor, 1), its own included. In the paper the results so far are those that happened to arrive before.
All trials are created at the start: each is certain to be trained to its first rung, and so a worker finds work.
"""

from __future__ import annotations

from pedl.config.brackets import asha_rungs
from pedl.config.hparams import Space
from pedl.config.searcher import AshaSearcher
from pedl.search.best import BestSoFar, Rank, has_failed, rank, rank_of_failure
from pedl.search.halving import not_among
from pedl.search.method import Operation, Plan
from pedl.search.space import draw_hparams
from pedl.search.told import ToldSearch


class AshaSearch(ToldSearch):
    """`asha`: see the module's text."""

    def __init__(self, searcher: AshaSearcher, space: Space, experiment_seed: int) -> None:
        super().__init__()
        self._smaller_is_better = searcher.smaller_is_better
        self._space = space
        self._experiment_seed = experiment_seed
        self._rungs = asha_rungs(searcher)
        self._trials = searcher.max_trials
        self._buffers = [_InOrder() for _ in self._rungs[:-1]]
        self._best = [BestSoFar(searcher.divisor) for _ in self._rungs[:-1]]
        self._at = [0] * (self._trials + 1)
        """By trial number: the rung that the trial is trained to."""

    def start(self) -> list[Operation]:
        """Returns Create and Train for each trial, in order of trial numbers."""
        operations: list[Operation] = []
        for trial_id in range(1, self._trials + 1):
            hparams = draw_hparams(self._space, self._experiment_seed, trial_id)
            operations += self._roster.create(hparams, self._rungs[0].steps)
        return operations

    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        return self._arrives(rank(metric, trial_id, self._smaller_is_better))

    def _failed(self, trial_id: int) -> list[Operation]:
        return self._arrives(rank_of_failure(trial_id))

    def plan(self) -> Plan:
        """Returns the rungs; how many trials reach each is an estimate."""
        return Plan((self._rungs,), self._trials, exact=False)

    def _arrives(self, result: Rank) -> list[Operation]:
        number = self._at[result[2]]
        if number == len(self._buffers):
            return [] if has_failed(result) else [self._roster.close(result[2])]
        return self._commit(number, result[2], result)

    def _commit(self, first: int, trial_id: int, result: Rank | None) -> list[Operation]:
        """Hands a result (None: the trial will never have one) to rung `first`, and decides what it lets be decided."""
        operations: list[Operation] = []
        arrivals = [(first, trial_id, result)]
        while arrivals:
            number, arrived, outcome = arrivals.pop()
            for committed, committed_outcome in self._buffers[number].add(arrived, outcome):
                if self._stays(number, committed, committed_outcome, operations) and number + 1 < len(self._buffers):
                    arrivals.append((number + 1, committed, None))
        return operations

    def _stays(self, number: int, trial_id: int, result: Rank | None, operations: list[Operation]) -> bool:
        """Decides about a trial whose turn it is at a rung; tells whether it never comes to the next one."""
        if result is None:
            return True
        best = self._best[number]
        if best.add(result) and not has_failed(result):
            self._at[trial_id] = number + 1
            operations.append(self._roster.train(trial_id, self._rungs[number + 1].steps))
            return False
        if not has_failed(result):
            why = not_among(best.places, best.results, number, self._rungs)
            operations.append(self._roster.close(trial_id, why))
        return True


class _InOrder:
    """Results of a rung, given out in the order of trial numbers."""

    def __init__(self) -> None:
        self._next = 1
        self._early: dict[int, Rank | None] = {}

    def add(self, trial_id: int, result: Rank | None) -> list[tuple[int, Rank | None]]:
        """Takes in what became of a trial at this rung; returns all whose turn has come."""
        self._early[trial_id] = result
        ready = []
        while self._next in self._early:
            ready.append((self._next, self._early.pop(self._next)))
            self._next += 1
        return ready
