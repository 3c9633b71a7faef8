"""Which trial is best: by (searcher metric, trial number); NaN ranks last, a failed trial not at all."""

from __future__ import annotations

import math
from typing import Any

from pedl.experiment.fold import ExperimentState
from pedl.experiment.trial_state import TrialState


def metric_value(metrics: dict[str, Any], name: str) -> float:
    """Returns a validation metric as a number; NaN if it is absent or no single number."""
    value = metrics.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return math.nan
    return float(value)  # "NaN" and "Infinity" are how the log holds them


def searcher_metric(state: ExperimentState, trial: TrialState, step: int) -> float:
    """Returns the searcher's metric of a trial's validation after `step` steps."""
    return metric_value(trial.validations[step]["metrics"], state.created["config"]["searcher"]["metric"])


def best_trial(state: ExperimentState) -> TrialState | None:
    """Returns the best of the trials that were validated, by their last validation; None if there is none."""
    smaller_is_better = state.created["config"]["searcher"]["smaller_is_better"]

    def rank(trial: TrialState) -> tuple[bool, float, int]:
        value = searcher_metric(state, trial, max(trial.validations))
        return (math.isnan(value), 0.0 if math.isnan(value) else value if smaller_is_better else -value, trial.id)

    candidates = [trial for trial in state.trials.values() if trial.validations and trial.failure is None]
    return min(candidates, key=rank, default=None)
