"""Where the files of an experiment lie. No other module knows a file name inside a home, but for a checkpoint's two.

<home>/
  format                              the format number, read before anything else
  pedl.db                             the event log of all experiments (SQLite)
  tensorboard/<id>/trial-<n>/         a trial's results for TensorBoard, made from the event log by who wants to look
  experiments/.new-<uuid>/, .lock     an experiment that is being made, and the sign that its maker lives
  experiments/<id>/
    model_definition/                 the copy that is trained, resumed and verified
    source_checkpoint/                what its trials start from, if the configuration says so: a copy
    master.lock                       held by the one process that runs the experiment
    workers.lock                      held by its workers, however their master ended, and naming them
    last_verification.json            the certificate of the last verification, if there was one
    logs/trial-<n>.log                what trial n wrote to stdout and stderr
    logs/master.log                   the same for processes that belong to no trial
    checkpoints/trial-<n>/<uuid>/     state.json, tensors.safetensors
"""

from __future__ import annotations

from pathlib import Path


class ExperimentPaths:
    """The paths of experiment `experiment_id` in `home`; making one touches no file.

    One that is being made, and has no number yet, has a name that begins with ".new-".
    """

    def __init__(self, home: Path, experiment_id: int | str) -> None:
        self.root = home.absolute() / "experiments" / str(experiment_id)
        self.tensorboard = tensorboard_directory(home) / str(experiment_id)

    @property
    def model_definition(self) -> Path:
        return self.root / "model_definition"

    @property
    def source_checkpoint(self) -> Path:
        return self.root / "source_checkpoint"

    @property
    def lock(self) -> Path:
        return self.root / "master.lock"

    @property
    def workers_lock(self) -> Path:
        return self.root / "workers.lock"

    @property
    def last_verification(self) -> Path:
        return self.root / "last_verification.json"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, trial_id: int) -> Path:
        """The log of a trial; number 0 stands for what belongs to no trial."""
        return self.logs / (f"trial-{trial_id}.log" if trial_id else "master.log")

    @staticmethod
    def trial_of(log: Path) -> int:
        """The trial whose log a file is; 0 if it belongs to no trial."""
        return int(log.stem.removeprefix("trial-")) if log.stem != "master" else 0

    def event_file(self, trial_id: int) -> Path:
        """The results of a trial for TensorBoard, which knows such files by the beginning of their names."""
        return self.tensorboard / f"trial-{trial_id}" / "events.out.tfevents.pedl"

    def checkpoints(self, trial_id: int) -> Path:
        """The directory that holds the checkpoints of a trial."""
        return self.root / "checkpoints" / f"trial-{trial_id}"

    def checkpoint(self, trial_id: int, uuid: str) -> Path:
        """The directory of one checkpoint."""
        return self.checkpoints(trial_id) / uuid


def tensorboard_directory(home: Path) -> Path:
    """Where results for TensorBoard are, a directory for each experiment."""
    return home.absolute() / "tensorboard"
