"""What a training process does with a task: bring the trial to life, then train, report, validate, save, until told
otherwise.

It speaks plain JSON messages over a channel and knows nothing of who reads them.
"""

from __future__ import annotations

import base64
import errno
import math
import traceback
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import keras

from pedl.errors import CheckpointError, PedlError, TrialDefinitionError
from pedl.jsontext import plain
from pedl.trial.audit import Audit
from pedl.trial.definition import user_traceback
from pedl.trial.during import FailedDuring
from pedl.trial.notes import notes
from pedl.trial.profile import numeric_profile
from pedl.trial.progress import progress_told
from pedl.trial.run import Run, StepReport
from pedl.trial.runs import run_class
from pedl.trial.saving import SavePolicy
from pedl.trial.start import OtherSession, RestartNeeded, Started, compute_as_asked, start


class Channel(Protocol):
    """The worker's end of the connection to its master."""

    task: dict[str, Any]

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message."""

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Returns the next message from the master, or None after `timeout_s`."""


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""A place that cannot be written is nobody's code: the trial can go on when it is mended."""


class _LossIsNaN(Exception):
    """The loss of a step is not a number."""


def main(channel: Channel) -> None:
    """Does the channel's task and sends its terminal message last."""
    definition = Path(channel.task["definition"])
    try:
        last = _KINDS[channel.task["kind"]](channel)
    except RestartNeeded as needed:
        last = {"type": "restart", "session_config": needed.session_config}
    except OtherSession as error:
        last = _failed("definition", str(error), error, definition) | {"session_config": error.session_config}
    except TrialDefinitionError as error:
        last = _failed("definition", str(error), error, definition)
    except CheckpointError as error:
        last = _failed("checkpoint", str(error), error, definition)
    except _LossIsNaN as error:
        last = _failed("nan", str(error), error, definition)
    except FailedDuring as error:
        cause = error.__cause__ or error
        last = _failed("code", f"{error}\n{user_traceback(cause, definition)}", cause, definition)
    except OSError as error:
        kind = "storage" if error.errno in _NO_ROOM else "code"
        last = _failed(kind, str(error) if kind == "storage" else user_traceback(error, definition), error, definition)
    except (Exception, SystemExit) as error:
        last = _failed("code", user_traceback(error, definition), error, definition)
    channel.send(plain(last))


def _check(channel: Channel) -> dict[str, Any]:
    """Goes as far as the first traced batch, and trains nothing."""
    started, run, findings = _alive(channel.task)
    with closing(run):
        names = run.validation_metric_names()
    return {
        "type": "done",
        "class": type(started.trial).__name__,
        "validation_metrics": names,
        "session_config": started.task["session_config"],
        "numeric_profile": _profile(channel.task),
        "warnings": notes(findings),
    }


def _say_profile(channel: Channel) -> dict[str, Any]:
    """Says what a trial would compute with, and computes nothing."""
    compute_as_asked(channel.task)
    return {"type": "done", "numeric_profile": _profile(channel.task)}


def _say_samples(channel: Channel) -> dict[str, Any]:
    """Says which samples the batches of a trial hold, in any order, and trains nothing."""
    _, run, _ = _alive(channel.task)
    with closing(run):
        words = run.sample_words(channel.task["start"], channel.task["count"])
    return {"type": "done", "samples": base64.b64encode(words).decode()}


def _export(channel: Channel) -> dict[str, Any]:
    """Writes a checkpoint's model as files that other programs load.

    Where the trial ended, at one of its targets, the model is what it ended with, and not what it would go on from.
    """
    task = channel.task
    _, run, _ = _alive(task)
    with closing(run):
        run.load(Path(task["resume"]["path"]), task["resume"]["sha256"])
        if task["ended"]:
            run.end()
        weights = run.weights_sha256()
        needed = run.export(Path(task["export_to"]), task["format"], Path(task["definition"]))
    return {"type": "done", "weights_sha256": weights, "custom_objects": needed}


def _train(channel: Channel) -> dict[str, Any]:
    task = channel.task
    started, run, findings = _alive(task)
    if task["resume"] is not None:
        run.load(Path(task["resume"]["path"]), task["resume"]["sha256"])
    channel.send(
        {
            "type": "started",
            "numeric_profile": _profile(task),
            "session_config": started.task["session_config"],
            "initial_state": run.initial_word,
            "audit": findings,
        }
    )
    with closing(run), progress_told(channel.send, run):
        return _train_until(channel, run, task["until_step"])


def _train_until(channel: Channel, run: Run, until_step: int) -> dict[str, Any]:
    config = channel.task["config"]
    saved_at, metrics = run.steps_done, None
    told_already = channel.task.get("validated_at", ())
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
        if policy.wants(step, metrics) or pausing:
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


def _alive(task: dict[str, Any]) -> tuple[Started, Run, list[dict[str, Any]]]:
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


def _profile(task: dict[str, Any]) -> dict[str, Any]:
    config = task["config"]
    deterministic = config["reproducibility"]["op_determinism"]
    return numeric_profile(op_determinism=deterministic, searcher=config["searcher"]["name"])


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
        raise _LossIsNaN(
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


def _failed(kind: str, message: str, error: BaseException, definition: Path) -> dict[str, Any]:
    if not isinstance(error, PedlError | _LossIsNaN):
        traceback.print_exception(error)
    return {"type": "failed", "kind": kind, "message": message, "traceback": user_traceback(error, definition)}


_KINDS = {"check": _check, "export": _export, "profile": _say_profile, "samples": _say_samples, "train": _train}

# Imported with this module, before the server forks: Keras loads these parts when they are first touched.
_PRELOADED = (keras.layers.Dense, keras.optimizers.Adam, keras.losses.get, keras.metrics.MeanMetricWrapper)
