"""An experiment as plain JSON: in full for `describe`, in one line for `list`."""

from __future__ import annotations

from typing import Any

from pedl.experiment.fold import ExperimentState
from pedl.experiment.outcome import outcome_sha256
from pedl.experiment.ranking import Standing, best_trial
from pedl.experiment.replicated import replication_report
from pedl.experiment.rungs import Rungs
from pedl.experiment.trial_state import TrialState


def describe(experiment_id: int, state: ExperimentState) -> dict[str, Any]:
    """Returns all there is to know about an experiment, as `pedl experiment describe --json` prints it."""
    created, best, rungs = state.created, best_trial(state), Rungs(state)
    return {
        "id": experiment_id,
        "state": state.state,
        "description": created["config"]["description"],
        "labels": state.labels,
        "archived": state.archived,
        "experiment_seed": created["experiment_seed"],
        "model_definition_sha256": created["model_definition_sha256"],
        "source": created.get("source"),
        "outcome_sha256": outcome_sha256(state),
        "numeric_profile": state.numeric_profile,
        "best_trial": None if best is None else best.id,
        "config": created["config"],
        "messages": state.messages,
        "brackets": rungs.table(),
        "waited_s": state.waited_s,
        "replication": replication_report(state),
        "trials": [describe_trial(state, trial, rungs) for _, trial in sorted(state.trials.items())],
    }


def describe_trial(state: ExperimentState, trial: TrialState, rungs: Rungs) -> dict[str, Any]:
    """Returns all there is to know about a trial, as plain JSON."""
    reached = trial.last_reached
    return {
        "id": trial.id,
        "state": state.trial_state(trial),
        "hparams": trial.hparams,
        "trial_seed": trial.seed,
        "steps_completed": trial.steps_completed,
        "batches_completed": trial.batches_completed,
        "restarts": trial.restarts,
        "streams": trial.streams,
        "parent": trial.parent,
        "rung": rungs.of(trial),
        "stopped": trial.stopped,
        "stopped_early": reached is not None and reached.get("stopped_early", False),
        "training": _metrics(trial.steps),
        "validation": _metrics(trial.validations),
        "weights_sha256": trial.weights_sha256,
        "fingerprint": trial.steps[trial.steps_completed]["fingerprint"] if trial.steps else None,
        "checkpoints": [{name: kept[name] for name in ("step", "uuid", "sha256")} for kept in trial.checkpoints],
        "audit": [] if trial.started is None else trial.started["audit"],
        "difference": None if trial.failure is None else trial.failure.get("difference"),
        "messages": trial.messages,
    }


def summary(state: ExperimentState, standing: Standing) -> dict[str, Any]:
    """Returns what a listing shows of an experiment; kept beside the events, so that a listing need not fold them."""
    best = standing.best
    return {
        "state": state.state,
        "description": state.created["config"]["description"],
        "labels": state.labels,
        "archived": state.archived,
        "experiment_seed": state.created["experiment_seed"],
        "trials": len(state.trials),
        "trials_over": standing.trials_over,
        "best_trial": None if best is None else best.id,
        "best_metrics": None if best is None else best.validations[max(best.validations)]["metrics"],
    }


def _metrics(results: dict[int, dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"step": step, "metrics": result["metrics"]} for step, result in sorted(results.items())]
