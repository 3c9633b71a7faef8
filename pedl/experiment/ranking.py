"""Which trial is best: by (searcher metric, trial number); NaN ranks last, a failed trial not at all."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pedl import jsontext
from pedl.experiment.fold import ExperimentState
from pedl.experiment.ranked import Ranked
from pedl.experiment.trial_state import TrialState
from pedl.search import Rank, rank


def metric_value(metrics: dict[str, Any], name: str) -> float:
    """Returns a validation metric as a number; NaN if it is absent or no single number."""
    value = jsontext.number(metrics.get(name))
    return math.nan if value is None else value


def searcher_metric(state: ExperimentState, trial: TrialState, step: int) -> float:
    """Returns the searcher's metric of a trial's validation after `step` steps."""
    return metric_value(trial.validations[step]["metrics"], state.created["config"]["searcher"]["metric"])


def result_rank(state: ExperimentState, trial: TrialState, step: int) -> Rank:
    """Returns where a trial's validation after `step` steps stands among others; the best has the smallest rank."""
    smaller_is_better = state.created["config"]["searcher"]["smaller_is_better"]
    return rank(searcher_metric(state, trial, step), trial.id, smaller_is_better)


def trial_rank(state: ExperimentState, trial: TrialState) -> Rank | None:
    """Returns where a trial stands by its last validation; None if it has none, or has failed."""
    if not trial.validations or trial.failure is not None:
        return None
    return result_rank(state, trial, max(trial.validations))


def best_trial(state: ExperimentState) -> TrialState | None:
    """Returns the best of the trials that were validated, by their last validation; None if there is none."""
    return Standing(state).best


class Standing:
    """Which trial is best and how many are over, kept up to date trial by trial."""

    def __init__(self, state: ExperimentState) -> None:
        self._state = state
        self._ranked: Ranked[int] = Ranked()
        self._over: set[int] = set()
        self.update(state.trials)

    @property
    def best(self) -> TrialState | None:
        return next((self._state.trials[trial_id] for trial_id in self._ranked.first(1)), None)

    def first(self, count: int) -> list[int]:
        """Returns the numbers of the best trials, the best first."""
        return self._ranked.first(count)

    @property
    def trials_over(self) -> int:
        return len(self._over)

    def update(self, changed: Iterable[int]) -> None:
        """Looks at the trials that changed."""
        for trial_id in changed:
            trial = self._state.trials[trial_id]
            self._ranked.put(trial_id, trial_rank(self._state, trial))
            if trial.over:
                self._over.add(trial_id)
