"""A worker that does what a test asks of one trial: the actions of its task, one after the other, in a new process.

Actions: ["train", batches], ["validate"], ["epoch"] (validates, and tells callbacks), ["end"], ["save", directory],
["words"], ["weights"], ["finish"], ["watch", times] (trains one batch), and
["python", module, function]: calls function(run, started), for what a test wants to break.
"""

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from pedl.trial.run import Run, StepReport
from pedl.trial.runs import run_class
from pedl.trial.start import start


def main(channel: Any) -> None:
    task = channel.task
    try:
        started = start(task)
        run = run_class(started.trial)(
            started,
            batches_per_step=task["config"]["batches_per_step"],
            every_tensor=task["config"]["reproducibility"]["fingerprint"] == "batch",
        )
        results = [_act(run, started, *action) for action in task["actions"]]
        channel.send({"type": "done", "results": results})
    except Exception as error:
        import traceback

        traceback.print_exc()
        channel.send({"type": "failed", "kind": type(error).__name__, "message": str(error)})


def _act(run: Run, started: Any, name: str, *arguments: Any) -> Any:
    if name == "train":
        return [_report(report) for report in run.train(*arguments)]
    if name == "watch":
        return run.train_watched(*arguments)[1]
    if name == "validate":
        return run.validate()
    if name == "epoch":
        metrics = run.validate()
        run.tell_validated(metrics)
        return metrics
    if name == "end":
        return run.end()
    if name == "save":
        saved = run.save(Path(arguments[0]))
        return {"path": str(saved.path), "sha256": saved.sha256}
    if name == "load":
        run.load(Path(arguments[0]))
        return None
    if name == "start_from":
        run.start_from(Path(arguments[0]), arguments[1])
        return None
    if name == "words":
        return {"batches": run.batches_done, "fingerprint": run.fingerprint, "initial": run.initial_word}
    if name == "weights":
        return run.weights_sha256()
    if name == "finish":
        return run.finish()
    if name == "python":
        return getattr(importlib.import_module(arguments[0]), arguments[1])(run, started)
    raise ValueError(name)


def _report(report: StepReport) -> dict[str, Any]:
    words = np.frombuffer(report.states, np.uint64), np.frombuffer(report.data, np.uint64)
    return {
        "step": report.step,
        "metrics": report.metrics,
        "states": [f"{word:016x}" for word in words[0]],
        "data": [f"{word:016x}" for word in words[1]],
        "fingerprint": report.fingerprint,
        "tensors": report.tensors,
    }
