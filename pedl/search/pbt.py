"""Population-based training in rounds: after each, the worst trials are replaced by changed clones of the best.

Source: Jaderberg et al., "Population based training of neural networks", 2017. There a member copies another one
whenever it is ready, from what the others are at that moment. Here a round is a barrier: everything is decided from all
results of a round, in the order of trial numbers and with draws keyed by the clone's number. A member that is replaced
ends; its clone is a new trial, with the next number and a seed of its own, that starts from its parent's checkpoint.

The worst `truncate_fraction` of the population are replaced, failed trials first, and every failed trial is, so that
the population keeps its size as long as somebody is left.
"""

from __future__ import annotations

from pedl.config.brackets import exact, rounds
from pedl.config.hparams import Space
from pedl.config.searcher import PbtSearcher
from pedl.search.best import Rank, has_failed, rank, rank_of_failure
from pedl.search.explore import explored
from pedl.search.method import Operation, Parent, Plan
from pedl.search.space import draw_hparams
from pedl.search.told import ToldSearch


class PbtSearch(ToldSearch):
    """`pbt`: see the module's text."""

    def __init__(self, searcher: PbtSearcher, space: Space, experiment_seed: int) -> None:
        super().__init__()
        self._searcher = searcher
        self._space = space
        self._experiment_seed = experiment_seed
        self._truncated = int(exact(searcher.replace_function.truncate_fraction) * searcher.population_size)
        self._round = 1
        self._steps: dict[int, int] = {}
        """The population: trial -> the step that it is trained to in this round."""
        self._hparams: dict[int, dict[str, object]] = {}
        self._results: list[Rank] = []

    def start(self) -> list[Operation]:
        """Returns Create and Train for the first population."""
        operations: list[Operation] = []
        for trial_id in range(1, self._searcher.population_size + 1):
            operations += self._create(draw_hparams(self._space, self._experiment_seed, trial_id), None)
        return operations

    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        return self._arrives(rank(metric, trial_id, self._searcher.smaller_is_better))

    def _failed(self, trial_id: int) -> list[Operation]:
        return self._arrives(rank_of_failure(trial_id))

    def plan(self) -> Plan:
        """Returns the rounds as rungs: in each, the whole population is trained."""
        clones = (self._searcher.num_rounds - 1) * self._truncated
        return Plan((rounds(self._searcher),), self._searcher.population_size + clones)

    def _create(self, hparams: dict[str, object], parent: Parent | None) -> list[Operation]:
        operations = self._roster.create(hparams, self._searcher.steps_per_round, parent)
        self._hparams[self._roster.created] = hparams
        self._steps[self._roster.created] = self._searcher.steps_per_round
        return operations

    def _arrives(self, result: Rank) -> list[Operation]:
        self._results.append(result)
        if len(self._results) < len(self._steps):
            return []
        results, self._results = sorted(self._results), []
        alive = [result[2] for result in results if not has_failed(result)]
        if self._round == self._searcher.num_rounds:
            return [self._roster.close(trial_id) for trial_id in sorted(alive)]
        return self._next_round(alive, len(results) - len(alive))

    def _next_round(self, alive: list[int], failed: int) -> list[Operation]:
        """Returns what begins the next round, of trials that have not failed, the best first."""
        replaced = max(self._truncated - failed, 0)
        survivors, rest = alive[: len(alive) - replaced], alive[len(alive) - replaced :]
        why = f"among the worst {self._truncated} of {len(self._steps)} after round {self._round}"
        operations: list[Operation] = [self._roster.close(trial_id, why) for trial_id in sorted(rest)]
        missing = len(self._steps) - len(survivors)
        parents = [survivors[number % len(survivors)] for number in range(missing)] if survivors else []
        self._round += 1
        done = self._steps
        self._steps = {trial_id: done[trial_id] + self._searcher.steps_per_round for trial_id in sorted(survivors)}
        operations += [self._roster.train(trial_id, step) for trial_id, step in self._steps.items()]
        for parent in sorted(parents):
            operations += self._clone(Parent(parent, done[parent]))
        self._hparams = {trial_id: self._hparams[trial_id] for trial_id in self._steps}
        return operations

    def _clone(self, parent: Parent) -> list[Operation]:
        number = self._roster.created + 1
        how = self._searcher.explore_function
        hparams = explored(self._space, self._hparams[parent.trial_id], self._experiment_seed, number, how)
        return self._create(hparams, parent)
