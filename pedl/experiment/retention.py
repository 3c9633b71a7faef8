"""Which checkpoints are kept: a pure function of the trials, and of nothing else.

Kept are, together: of each trial the `save_trial_latest` newest and the `save_trial_best` best, over all trials the
`save_experiment_best` best, and the newest of each trial that is not over, from which it goes on. Best is by the
search's metric in the validation of the same step; a checkpoint without one is not among them. Metrics that are equal
are ranked by trial and step, NaN comes last, and a failed trial comes after all that did not fail. So what is kept in
the end does not depend on which trial came first.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from pedl.experiment.fold import ExperimentState
from pedl.experiment.ranking import searcher_metric
from pedl.experiment.trial_state import Payload, TrialState


def surplus(state: ExperimentState) -> list[tuple[TrialState, Payload]]:
    """Returns the checkpoints that may go, by trial and step."""
    keep = kept_uuids(state)
    return [
        (trial, checkpoint)
        for _, trial in sorted(state.trials.items())
        for checkpoint in trial.checkpoints
        if checkpoint["uuid"] not in keep
    ]


def kept_uuids(state: ExperimentState) -> set[str]:
    """Returns the uuids of the checkpoints that stay."""
    storage = state.created["config"]["checkpoint_storage"]
    keep: list[Payload] = []
    for trial in state.trials.values():
        latest = max(storage["save_trial_latest"], 0 if trial.over else 1)
        keep += trial.checkpoints[-latest:] if latest else []
        if storage["save_trial_best"]:
            keep += _best(state, [trial], storage["save_trial_best"])
    if storage["save_experiment_best"]:
        keep += _best(state, state.trials.values(), storage["save_experiment_best"])
    return {checkpoint["uuid"] for checkpoint in keep}


def _best(state: ExperimentState, trials: Iterable[TrialState], count: int) -> list[Payload]:
    validated = [
        (_rank(state, trial, checkpoint["step"]), checkpoint)
        for trial in trials
        for checkpoint in trial.checkpoints
        if checkpoint["step"] in trial.validations
    ]
    return [checkpoint for _, checkpoint in sorted(validated, key=lambda pair: pair[0])[:count]]


def _rank(state: ExperimentState, trial: TrialState, step: int) -> tuple[Any, ...]:
    value = searcher_metric(state, trial, step)
    nan = math.isnan(value)
    sign = 1 if state.created["config"]["searcher"]["smaller_is_better"] else -1
    return trial.failure is not None, nan, 0.0 if nan else sign * value, trial.id, step
