"""What an experiment hands out: copies of its checkpoints, and its models. It stays as it is."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedl.errors import StoreError
from pedl.experiment.export import check_target, export_model
from pedl.experiment.fold import ExperimentState, fold, the_trial
from pedl.experiment.stored import Found, StoredCheckpoint, stored_checkpoints, take

if TYPE_CHECKING:
    from pedl.experiment.recorded import RecordedExperiment


def download_checkpoint(
    experiment: RecordedExperiment, trial_id: int, directory: Path, step: int | None
) -> StoredCheckpoint:
    """Copies a checkpoint, as `Experiment.download_checkpoint` says."""
    return _take(experiment, trial_id, step, directory)[2]


def export(
    experiment: RecordedExperiment, trial_id: int, directory: Path, file_format: str, step: int | None
) -> dict[str, Any]:
    """Writes a model, as `TrialResult.export` says."""
    check_target(file_format, directory)
    # Copied before a worker is started: a process that runs the experiment may delete it meanwhile.
    with tempfile.TemporaryDirectory(prefix="pedl-export-") as name:
        files = Path(name) / "checkpoint"
        _, state, it = _take(experiment, trial_id, step, files)
        return export_model(
            experiment.id, state, it, files, experiment.home, experiment.make_executor, file_format, directory
        )


def _take(experiment: RecordedExperiment, trial_id: int, step: int | None, directory: Path) -> Found:
    def find() -> Found:
        state = fold(experiment.home.events(experiment.id))
        return experiment.id, state, _checkpoint(experiment, state, trial_id, step)

    return take(experiment.home, find, directory)


def _checkpoint(
    experiment: RecordedExperiment, state: ExperimentState, trial_id: int, step: int | None
) -> StoredCheckpoint:
    """Returns the newest checkpoint of a trial, or that of a step.

    Raises:
      StoreError: if there is none; the message says which there are, or why there is none.
    """
    trial, name = the_trial(experiment.id, state, trial_id), f"{experiment.id}/{trial_id}"
    found = stored_checkpoints(trial)
    wanted = [it for it in found if step in (None, it.step)]
    if wanted:
        return wanted[-1]
    if found:
        steps = ", ".join(str(it.step) for it in found)
        raise StoreError(f"Trial {name} has no checkpoint of step {step}; steps with one: {steps}.")
    if trial.failure is not None:
        log = experiment.home.paths(experiment.id).log(trial_id)
        raise StoreError(f"Trial {name} failed before its first checkpoint. Its log says why: {log}")
    raise StoreError(
        f"Trial {name} has no checkpoint: none was made yet, or none is kept.\n"
        "How many are kept is said by checkpoint_policy and checkpoint_storage in the configuration; the same "
        "experiment with others, and the same seed, gives the same weights."
    )
