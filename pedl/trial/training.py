"""A trial in training: step by step, validated and saved where it is due, until its target or a pause."""

from __future__ import annotations

import base64
import math
from contextlib import closing
from pathlib import Path
from typing import Any

from pedl.jsontext import plain
from pedl.trial.alive import alive
from pedl.trial.channel import Channel
from pedl.trial.profile import profile_of
from pedl.trial.progress import progress_told
from pedl.trial.run import Run, StepReport
from pedl.trial.saving import SavePolicy
from pedl.trial.streams import is_graph


class LossIsNaN(Exception):
    """The loss of a step is not a number."""


def train(channel: Channel) -> dict[str, Any]:
    """Trains until the task's step, a pause, or until a callback stops it; returns the last message.

    Raises:
      LossIsNaN: if the training loss of a step is NaN; that step's message was sent before.
    """
    task = channel.task
    started, run, findings = alive(task)
    if task["resume"] is not None:
        run.load(Path(task["resume"]["path"]), task["resume"]["sha256"])
    channel.send(
        {
            "type": "started",
            "numeric_profile": profile_of(task),
            "session_config": started.task["session_config"],
            "initial_state": run.initial_word,
            "audit": findings,
            "graph": is_graph(started.trial),
        }
    )
    with closing(run), progress_told(channel.send, run):
        return _train_until(channel, run, task["until_step"])


def _train_until(channel: Channel, run: Run, until_step: int) -> dict[str, Any]:
    config = channel.task["config"]
    saved_at, metrics = run.steps_done, None
    told_already = channel.task.get("validated_at", ())
    save_at = channel.task.get("save_at", ())
    policy = SavePolicy(config, channel.task["best_metric"])
    while run.steps_done < until_step and not run.stopped:
        (report,) = _one_step(channel, run)
        channel.send(plain(_step_message(report)))
        _check_loss(report)
        step, metrics = run.steps_done, None
        if step == until_step or run.stopped:
            break
        due = _is_due(step, config["min_validation_period"])
        if due or step in told_already:
            metrics = _validated(run)
            if run.stopped:
                break
        # At an earlier target the weights that it would have ended with were validated, and that was told.
        if due and step not in told_already:
            channel.send(plain({"type": "validation", "step": step, "metrics": metrics}))
        pausing = _pause_requested(channel)
        if policy.wants(step, metrics) or pausing or step in save_at:
            saved_at = _save(channel, run)
        if pausing:
            return {"type": "paused", "step": step, "batches": run.batches_done}
    return _end(channel, run, saved_at, metrics, until_step)


def _one_step(channel: Channel, run: Run) -> list[StepReport]:
    """Trains a step; on the way it looks at a batch that a verification asks for, operation by operation."""
    wanted, size = channel.task.get("watch"), channel.task["config"]["batches_per_step"]
    if wanted is None or not 0 < wanted["batch"] - run.batches_done <= size:
        return run.train(size)
    before = wanted["batch"] - run.batches_done - 1
    run.train(before)
    reports, watched = run.train_watched(wanted["times"])
    channel.send({"type": "watched", "batch": run.batches_done, "operations": watched})
    return reports + run.train(size - before - 1)


def _end(channel: Channel, run: Run, saved_at: int, metrics: dict[str, Any] | None, until_step: int) -> dict[str, Any]:
    """The last validation, and the last checkpoint, which has what callbacks made of it.

    Only then do the weights become what the optimizer and the callbacks want to end with; if they are others, it is
    these that are validated.
    """
    metrics = _validated(run) if metrics is None else metrics
    if saved_at != run.steps_done or saved_at == 0:
        _save(channel, run)
    trained = run.weights_sha256()
    run.end()
    weights = run.weights_sha256()
    metrics = metrics if weights == trained else run.validate()
    channel.send(plain({"type": "validation", "step": run.steps_done, "metrics": metrics}))
    early = {"stopped_early": True, "target": until_step} if run.steps_done < until_step else {}
    return {
        "type": "done",
        "step": run.steps_done,
        "batches": run.batches_done,
        "weights_sha256": weights,
        "fingerprint": run.fingerprint,
        **early,
    }


def _validated(run: Run) -> dict[str, Any]:
    metrics = run.validate()
    run.tell_validated(metrics)
    return metrics


def _save(channel: Channel, run: Run) -> int:
    saved = run.save(Path(channel.task["checkpoint_dir"]))
    channel.send(
        {
            "type": "checkpoint",
            "step": run.steps_done,
            "batches": run.batches_done,
            "uuid": saved.uuid,
            "path": str(saved.path),
            "sha256": saved.sha256,
            "size_bytes": saved.size_bytes,
        }
    )
    return run.steps_done


def _step_message(report: StepReport) -> dict[str, Any]:
    return {
        "type": "step",
        "step": report.step,
        "batches": report.batches,
        "metrics": report.metrics,
        "states": base64.b64encode(report.states).decode(),
        "data": base64.b64encode(report.data).decode(),
        "samples": base64.b64encode(report.samples).decode(),
        "fingerprint": report.fingerprint,
        "tensors": report.tensors,
    }


def _check_loss(report: StepReport) -> None:
    loss = report.metrics.get("loss", 0.0)
    if isinstance(loss, float) and math.isnan(loss):
        raise LossIsNaN(
            f"the training loss became NaN in step {report.step} (batches "
            f"{report.batches - len(report.states) // 8 + 1} to {report.batches}), expected "
            "a number. Lower the learning rate, clip the gradients, or look for log(0) and 0/0 in the loss and in the "
            "data."
        )


def _is_due(step: int, period: int | None) -> bool:
    return period is not None and step % period == 0


def _pause_requested(channel: Channel) -> bool:
    message = channel.receive(0)
    return message is not None and message["type"] == "pause"
