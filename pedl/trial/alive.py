"""A task's trial, brought to life in this process, and what it computes with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pedl.trial.audit import Audit
from pedl.trial.profile import numeric_profile
from pedl.trial.run import Run
from pedl.trial.runs import run_class
from pedl.trial.start import Started, start


def alive(task: dict[str, Any]) -> tuple[Started, Run, list[dict[str, Any]]]:
    """Returns a trial's instance, its run, which can be trained or loaded, and the audit's findings."""
    config = task["config"]
    with Audit() as audit:
        started = start(task)
        run = run_class(started.trial)(
            started,
            batches_per_step=config["batches_per_step"],
            every_tensor=config["reproducibility"]["fingerprint"] == "batch",
        )
        if task["resume"] is None and task["source"] is not None:
            run.start_from(Path(task["source"]["path"]), task["source"]["sha256"])
        elif task["resume"] is None:
            run.prepare()
    return started, run, audit.findings(run.model)


def profile_of(task: dict[str, Any]) -> dict[str, Any]:
    """Returns the numeric profile of this process, whose pools and libraries are the task's."""
    config = task["config"]
    deterministic = config["reproducibility"]["op_determinism"]
    return numeric_profile(op_determinism=deterministic, searcher=config["searcher"]["name"])
