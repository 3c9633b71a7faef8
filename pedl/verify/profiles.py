"""The numeric profiles that trials were recorded with, and what of them is another one here."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pedl import jsontext
from pedl.errors import TrialFailed
from pedl.executor import Executor, last_message
from pedl.experiment.difference import ProfileDifference
from pedl.experiment.fold import ExperimentState
from pedl.experiment.profile import differences_from_any, expected_profile
from pedl.experiment.tasks import profile_task
from pedl.experiment.trial_state import TrialState
from pedl.store import ExperimentPaths

_KNOWN_LATER = ("floatx", "dtype_policy")
"""Entries of the profile that the model definition may set, and that nobody knows before its import."""


def differences_of(
    state: ExperimentState, trial: TrialState, here: dict[str, Any], without: Collection[str] = ()
) -> list[ProfileDifference]:
    """Returns what of all profiles that a trial was trained with is another one in the profile `here`.

    A trial that never started has that of its experiment, but for the pools.
    """
    recorded = trial.numeric_profiles or [expected_profile(state.numeric_profile, None)]
    return [it for it in differences_from_any(recorded, here, (trial.id,)) if it.entry not in without]


def differences_before(
    executor: Executor, experiment_id: int, state: ExperimentState, trials: Sequence[TrialState], aside: ExperimentPaths
) -> dict[int, list[ProfileDifference]]:
    """Returns, by trial, what is known to differ before anything is trained.

    A process is asked for the profile that trials would have here, once for each session that they ask for.

    Raises:
      TrialFailed: if no training process can be started here.
    """
    here: dict[str, dict[str, Any]] = {}
    found = {}
    for trial in trials:
        session = jsontext.dumps(trial.session_config)
        if session not in here:
            here[session] = _ask_profile(executor, profile_task(experiment_id, state, trial, aside))
        found[trial.id] = differences_of(state, trial, here[session], _KNOWN_LATER)
    return found


def _ask_profile(executor: Executor, task: dict[str, Any]) -> dict[str, Any]:
    answer = last_message(executor, task)
    if answer["type"] != "done":
        raise TrialFailed(
            f"No training process can be started here: {answer.get('message', answer.get('reason'))}\n"
            "`pedl doctor` shows what this machine offers."
        )
    profile: dict[str, Any] = answer["numeric_profile"]
    return profile
