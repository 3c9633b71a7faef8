"""A trial's model as files for other programs, and a manifest that says where it comes from.

A worker builds the trial from the recorded definition, loads a checkpoint and writes the model. The directory appears
whole: it is written aside, synced and renamed.

| file | what it is |
|---|---|
| `model.keras`, or `saved_model/` | the model |
| `manifest.json` | the experiment, trial, step and seeds; the hashes of its weights, checkpoint, definition and files |
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pedl.errors import InputError, NotReproduced, StoreError, TrialDefinitionError, TrialFailed
from pedl.experiment.check import answer_to, log_tail, of_the_source
from pedl.experiment.fold import ExperimentState
from pedl.experiment.outcome import outcome_sha256
from pedl.experiment.place import place_aside
from pedl.experiment.running import worker_environment
from pedl.experiment.stored import StoredCheckpoint
from pedl.experiment.tasks import train_task
from pedl.experiment.trial_state import Payload
from pedl.experiment.workers import ExecutorFactory
from pedl.files import appears, file_sha256
from pedl.store import ExperimentPaths, Home
from pedl.version import VERSION

FORMATS = {"keras": "model.keras", "saved_model": "saved_model"}
"""By the name of a format: the name of the file or directory that holds the model."""

MANIFEST = "manifest.json"
MANIFEST_FORMAT = 1


def check_target(file_format: str, target: Path) -> None:
    """Does nothing if a model can be written in this format there.

    Raises:
      InputError: if `target` exists, or there is no such format.
    """
    if file_format not in FORMATS:
        raise InputError(f"There is no format {file_format!r}; expected one of: {', '.join(FORMATS)}.")
    if target.exists():
        raise InputError(f"{target} exists already; name a directory that does not.")


def export_model(
    experiment_id: int,
    state: ExperimentState,
    it: StoredCheckpoint,
    files: Path,
    home: Home,
    make_executor: ExecutorFactory,
    file_format: str,
    target: Path,
) -> dict[str, Any]:
    """Writes the model of a checkpoint into the new directory `target`, and returns its manifest.

    Where the trial ended at the checkpoint's step, the weights are those that it ended with, whose hash is recorded:
    an optimizer that averages, or a callback, may have put others in place of those that were trained last.

    Args:
      files: a copy of the checkpoint, which nobody deletes meanwhile.

    Raises:
      TrialDefinitionError: if the model cannot be written in this format.
      StoreError: if the recorded model definition was changed.
      NotReproduced: if the weights are not those that were recorded.
      TrialFailed: if the worker died, or the definition failed.
    """
    with place_aside(home, experiment_id, state.created) as (place, change), appears(target.absolute()) as directory:
        if change is not None:
            raise StoreError(f"The recorded model definition of experiment {experiment_id} was changed: {change}.")
        ended = _ended_with(state, it)
        task = _task(experiment_id, state, it, files, place)
        task |= {"format": file_format, "export_to": str(directory / FORMATS[file_format]), "ended": ended is not None}
        with make_executor(worker_environment(state.created["config"]), place.log) as executor:
            answer = answer_to(executor, task)
        _check(answer, ended, place, it.trial, home.paths(experiment_id).model_definition)
        manifest = _manifest(experiment_id, state, it, answer, file_format, ended is not None)
        manifest["files"] = _hashes(directory)
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return manifest


def _task(
    experiment_id: int, state: ExperimentState, it: StoredCheckpoint, files: Path, place: ExperimentPaths
) -> Payload:
    resume = {"step": it.step, "batches": it.batches, "uuid": it.uuid, "sha256": it.sha256}
    task = train_task(experiment_id, state, state.trials[it.trial], place, resume, it.step)
    return {**task, "kind": "export", "resume": {**resume, "path": str(files)}}


def _ended_with(state: ExperimentState, it: StoredCheckpoint) -> str | None:
    """Returns the recorded hash of the weights that the trial ended with at a checkpoint; None if it did not end."""
    reached = state.trials[it.trial].reached.values()
    return next((end["weights_sha256"] for end in reached if end["batches"] == it.batches), None)


def _check(answer: Payload, ended: str | None, place: ExperimentPaths, trial_id: int, kept: Path) -> None:
    """Raises the error that an answer is; it names the files that are `kept`, and not those of the place."""
    if answer["type"] == "failed":
        error = TrialDefinitionError if answer["kind"] == "definition" else TrialFailed
        message = of_the_source(str(answer["message"]), place.model_definition, str(kept))
        raise error(f"The model cannot be exported: {message}")
    if answer["type"] != "done":
        said = of_the_source(log_tail(place.log(trial_id)), place.model_definition, str(kept))
        raise TrialFailed(f"The process that exports the model was lost: {answer.get('reason')}.\n{said}")
    if ended not in (None, answer["weights_sha256"]):
        raise NotReproduced(
            f"The exported weights have sha256 {answer['weights_sha256']}, recorded was {ended}: what the trial does "
            "at its end, in its callbacks for example, does not come out the same twice."
        )


def _manifest(
    experiment_id: int, state: ExperimentState, it: StoredCheckpoint, answer: Payload, file_format: str, ended: bool
) -> dict[str, Any]:
    trial, created = state.trials[it.trial], state.created
    validation = trial.validations.get(it.step)
    return {
        "manifest": MANIFEST_FORMAT,
        "pedl": VERSION,
        "experiment": experiment_id,
        "trial": trial.id,
        "step": it.step,
        "batches": it.batches,
        "ended": ended,
        "experiment_seed": created["experiment_seed"],
        "trial_seed": trial.seed,
        "hparams": trial.hparams,
        "metrics": None if validation is None else validation["metrics"],
        "outcome_sha256": outcome_sha256(state),
        "weights_sha256": answer["weights_sha256"],
        "checkpoint_sha256": it.sha256,
        "model_definition_sha256": created["model_definition_sha256"],
        "numeric_profile": state.numeric_profile if trial.started is None else trial.started["numeric_profile"],
        "format": file_format,
        "model": FORMATS[file_format],
        "custom_objects": answer["custom_objects"],
    }


def _hashes(directory: Path) -> dict[str, str]:
    return {
        path.relative_to(directory).as_posix(): file_sha256(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
