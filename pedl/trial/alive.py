"""From a task to a run that can be trained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pedl.trial.audit import Audit
from pedl.trial.run import Run
from pedl.trial.runs import run_class
from pedl.trial.start import Started, start


def alive(task: dict[str, Any], *, trains: bool = True) -> tuple[Started, Run, list[dict[str, Any]]]:
    """Starts a task's trial; returns what was started, the run that trains it, and the findings of the audit.

    Where nothing is resumed, the run is prepared, with the weights of the task's source if it names one. The caller
    loads what is to be resumed, and closes the run. With `trains` False callbacks hear nothing: the run is looked at.

    Raises:
      RestartNeeded, TrialDefinitionError: as `start`.
      CheckpointError: if the source's checkpoint is another model's.
    """
    config = task["config"]
    with Audit() as audit:
        started = start(task)
        run = run_class(started.trial)(
            started,
            batches_per_step=config["batches_per_step"],
            every_tensor=config["reproducibility"]["fingerprint"] == "batch",
        )
        run.trains = trains
        if task["resume"] is None and task["source"] is not None:
            run.start_from(Path(task["source"]["path"]), task["source"]["sha256"])
        elif task["resume"] is None:
            run.prepare()
    return started, run, audit.findings(run.model)
