"""Tasks: what a worker is told. Plain JSON, and a function of the state and the files of an experiment.

A worker that starts is given the newest checkpoint whose files still have their recorded hashes; where there is none
it starts from the first batch. Either way the bits are the same: a checkpoint saves time and changes nothing.
"""

from __future__ import annotations

import math
from typing import Any

from pedl.experiment.fold import ExperimentState
from pedl.experiment.ranking import searcher_metric
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import ExperimentPaths

CHECK_TRIAL_ID = 0
"""The trial number of the check that comes before an experiment exists."""


def train_task(
    experiment_id: int, state: ExperimentState, trial: TrialState, paths: ExperimentPaths, resume: Payload | None
) -> Payload:
    """Returns the task to train a trial from checkpoint `resume` (None: from the start) to its target."""
    return {
        **_common(state.created, trial.id, trial.seed, trial.hparams, paths),
        "kind": "train",
        "experiment_id": experiment_id,
        "session_config": trial.session_config,
        "best_metric": _best_metric(state, trial, 0 if resume is None else resume["step"]),
        "resume": resume and {**resume, "path": str(paths.checkpoint(trial.id, resume["uuid"]))},
        "until_step": trial.target,
        "checkpoint_dir": str(paths.checkpoints(trial.id)),
    }


def _best_metric(state: ExperimentState, trial: TrialState, until_step: int) -> float | None:
    """Returns the best value of the search's metric in the validations up to a step; None if there is none."""
    values = [searcher_metric(state, trial, step) for step in trial.validations if step <= until_step]
    best = min if state.created["config"]["searcher"]["smaller_is_better"] else max
    return best((value for value in values if math.isfinite(value)), default=None)


def check_task(created: Payload, hparams: Payload, trial_seed: int, paths: ExperimentPaths) -> Payload:
    """Returns the task to go through everything up to the first traced batch of trial 1, and to train nothing.

    Args:
      created: the payload of the experiment's first event, as far as it is known before the check.
      paths: where the copy of the model definition lies, and what trials start from.
    """
    return {
        **_common(created, CHECK_TRIAL_ID, trial_seed, hparams, paths),
        "kind": "check",
        "experiment_id": 0,
        "session_config": None,
        "best_metric": None,
        "resume": None,
        "until_step": 0,
        "checkpoint_dir": None,
    }


def profile_task(experiment_id: int, state: ExperimentState, trial: TrialState, paths: ExperimentPaths) -> Payload:
    """Returns the task to say the numeric profile that a trial would be trained with, and to do nothing else."""
    return {**train_task(experiment_id, state, trial, paths, None), "kind": "profile", "trial_id": CHECK_TRIAL_ID}


def _common(created: Payload, trial_id: int, seed: int, hparams: Payload, paths: ExperimentPaths) -> dict[str, Any]:
    file, definition = created["model_definition_file"], paths.model_definition
    source = created.get("source")
    return {
        "trial_id": trial_id,
        "experiment_seed": created["experiment_seed"],
        "trial_seed": seed,
        "hparams": hparams,
        "config": created["config"],
        "source": source and {"path": str(paths.source_checkpoint), "sha256": source["sha256"]},
        "definition": str(definition / file if file else definition),
    }
