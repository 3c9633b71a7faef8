"""`outcome_sha256`: one hash of all that the promise covers.

Two experiments with the same configuration, seed, model definition, data and numeric profile have the same outcome,
whatever the number of workers and whatever was killed, lost, repeated or resumed. So nothing here may know an
experiment's id, a time, a path, a host, a uuid or a number of restarts.
"""

from __future__ import annotations

import hashlib
from typing import Any

from pedl import jsontext
from pedl.experiment.fold import ENDED, ExperimentState
from pedl.experiment.trial_state import TrialState

PROMISE = (
    "The same configuration with its experiment seed, the same model definition, the same data and the same numeric "
    "profile give the same hyperparameters, search decisions, metrics and final weights, bit for bit."
)


def outcome(state: ExperimentState) -> list[dict[str, Any]]:
    """Returns what the promise covers, by trial number, as plain JSON; floats are exact."""
    return [trial_outcome(trial) for _, trial in sorted(state.trials.items())]


def outcome_sha256(state: ExperimentState) -> str | None:
    """Returns the hash of the outcome; None before there is one."""
    if state.state not in ENDED:
        return None
    return hashlib.sha256(jsontext.dumps(outcome(state)).encode()).hexdigest()


def trial_outcome(trial: TrialState) -> dict[str, Any]:
    """Returns what the promise covers of one trial."""
    return {
        "id": trial.id,
        "hparams": trial.hparams,
        "trial_seed": trial.seed,
        "decisions": {"targets": trial.targets, "closed": trial.closed, **_parent(trial)},
        **({"streams": trial.streams} if trial.streams else {}),
        "failure": None if trial.failure is None else trial.failure["kind"],
        "training": _metrics(trial.steps),
        "validation": _metrics(trial.validations),
        "weights_sha256": [reached["weights_sha256"] for _, reached in sorted(trial.reached.items())],
    }


def _parent(trial: TrialState) -> dict[str, Any]:
    return {} if trial.parent is None else {"parent": trial.parent}


def _metrics(results: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"step": step, "metrics": result["metrics"]} for step, result in sorted(results.items())]
