"""What an experiment hands out: copies of its checkpoints, and its models. It stays as it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedl.errors import StoreError
from pedl.experiment.export import export_model
from pedl.experiment.fold import fold
from pedl.experiment.running import experiment_storage
from pedl.experiment.stored import StoredCheckpoint, download

if TYPE_CHECKING:
    from pedl.experiment.recorded import RecordedExperiment


def download_checkpoint(
    experiment: RecordedExperiment, trial_id: int, directory: Path, step: int | None
) -> StoredCheckpoint:
    """Copies a checkpoint, as `Experiment.download_checkpoint` says."""
    taken = _checkpoint(experiment, trial_id, step)
    home, created = experiment.home, fold(experiment.home.events(experiment.id)).created
    download(taken, home.paths(experiment.id), experiment_storage(created), directory)
    return taken


def export(
    experiment: RecordedExperiment, trial_id: int, directory: Path, file_format: str, step: int | None
) -> dict[str, Any]:
    """Writes a model, as `TrialResult.export` says."""
    taken = _checkpoint(experiment, trial_id, step)
    home, state = experiment.home, fold(experiment.home.events(experiment.id))
    return export_model(experiment.id, state, taken, home, experiment.make_executor, file_format, directory)


def _checkpoint(experiment: RecordedExperiment, trial_id: int, step: int | None) -> StoredCheckpoint:
    """Returns the newest checkpoint of a trial, or that of a step.

    Raises:
      StoreError: if there is none; the message says which there are, or why there is none.
    """
    found, name = experiment.checkpoints(trial_id), f"{experiment.id}/{trial_id}"
    wanted = [it for it in found if step in (None, it.step)]
    if wanted:
        return wanted[-1]
    if found:
        steps = ", ".join(str(it.step) for it in found)
        raise StoreError(f"Trial {name} has no checkpoint of step {step}; steps with one: {steps}.")
    if experiment.trial(trial_id).state == "ERROR":
        raise StoreError(f"Trial {name} failed before its first checkpoint. Why: pedl trial logs {name}")
    raise StoreError(
        f"Trial {name} has no checkpoint: none was made yet, or none is kept.\n"
        "How many are kept is said by checkpoint_policy and checkpoint_storage in the configuration; the same "
        "experiment with others, and the same seed, gives the same weights."
    )
