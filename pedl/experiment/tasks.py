"""Tasks: what a worker is told. Plain JSON, and a function of the state and the files of an experiment.

A worker that starts is given the newest checkpoint whose files still have their recorded hashes; where there is none
it starts from the first batch. Either way the bits are the same: a checkpoint saves time and changes nothing.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from pedl.errors import CheckpointError
from pedl.experiment.fold import ExperimentState
from pedl.experiment.ranking import searcher_metric
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import ExperimentPaths

CHECK_TRIAL_ID = 0
"""The trial number of the check that comes before an experiment exists."""


def train_task(
    experiment_id: int,
    state: ExperimentState,
    trial: TrialState,
    paths: ExperimentPaths,
    resume: Payload | None,
    until_step: int | None = None,
) -> Payload:
    """Returns the task to train a trial from checkpoint `resume` (None: from the start) to `until_step`, or its target.

    It stopped at earlier targets and was validated there, which its callbacks were told; a worker that comes by there
    again tells them, too.
    """
    return {
        **_common(state.created, trial.id, trial.seed, trial.hparams, paths),
        "source": source_of(state, trial, paths) if resume is None else None,
        "streams": trial.streams,
        "kind": "train",
        "experiment_id": experiment_id,
        "session_config": trial.session_config,
        "best_metric": _best_metric(state, trial, 0 if resume is None else resume["step"]),
        "resume": resume and {**resume, "path": str(paths.checkpoint(trial.id, resume["uuid"]))},
        "until_step": trial.target if until_step is None else until_step,
        "validated_at": [step for step in trial.targets if until_step is None or step < until_step],
        "checkpoint_dir": str(paths.checkpoints(trial.id)),
    }


def source_of(state: ExperimentState, trial: TrialState, paths: ExperimentPaths) -> Payload | None:
    """Returns the checkpoint that a trial starts from: a clone's parent's, or that of all trials; None if neither."""
    if trial.parent is None:
        return _common_source(state.created, paths)
    kept = parent_checkpoint(state, trial)
    if kept is None:
        raise CheckpointError(
            f"Trial {trial.id} starts from trial {trial.parent['trial_id']} after {trial.parent['step']} steps, whose "
            "checkpoint is not kept. Train that trial again up to there first."
        )
    return {"path": str(paths.checkpoint(trial.parent["trial_id"], kept["uuid"])), "sha256": kept["sha256"]}


def parent_checkpoint(state: ExperimentState, clone: TrialState) -> Payload | None:
    """Returns the checkpoint that a clone starts from; None if it is not kept, or was damaged and is not made again."""
    assert clone.parent is not None
    parent = state.trials[clone.parent["trial_id"]]
    step = parent.reached[clone.parent["step"]]["step"]
    return next((kept for kept in parent.checkpoints if kept["step"] == step), None)


def _common_source(created: Payload, paths: ExperimentPaths) -> Payload | None:
    source = created.get("source")
    return source and {"path": str(paths.source_checkpoint), "sha256": source["sha256"]}


def _best_metric(state: ExperimentState, trial: TrialState, until_step: int) -> float | None:
    """Returns the best value of the search's metric in the validations up to a step; None if there is none."""
    values = [searcher_metric(state, trial, step) for step in trial.validations if step <= until_step]
    best = min if state.created["config"]["searcher"]["smaller_is_better"] else max
    return best((value for value in values if math.isfinite(value)), default=None)


def check_task(created: Payload, hparams: Payload, trial_seed: int, paths: ExperimentPaths) -> Payload:
    """Returns the task to go through everything up to the first batches of trial 1, whose results nobody keeps.

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
        "validated_at": [],
        "checkpoint_dir": None,
    }


def profile_task(experiment_id: int, state: ExperimentState, trial: TrialState, paths: ExperimentPaths) -> Payload:
    """Returns the task to say the numeric profile that a trial would be trained with, and to do nothing else."""
    bare = replace(trial, parent=None)
    return {**train_task(experiment_id, state, bare, paths, None), "kind": "profile", "trial_id": CHECK_TRIAL_ID}


def _common(created: Payload, trial_id: int, seed: int, hparams: Payload, paths: ExperimentPaths) -> dict[str, Any]:
    file, definition = created["model_definition_file"], paths.model_definition
    return {
        "trial_id": trial_id,
        "experiment_seed": created["experiment_seed"],
        "trial_seed": seed,
        "hparams": hparams,
        "config": created["config"],
        "source": _common_source(created, paths),
        "definition": str(definition / file if file else definition),
    }
