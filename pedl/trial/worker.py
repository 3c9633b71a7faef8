"""What a training process does with a task: it checks, trains or exports a trial, and says at last what came of it."""

from __future__ import annotations

import base64
import errno
import traceback
from contextlib import closing
from pathlib import Path
from typing import Any

import keras

from pedl.errors import CheckpointError, PedlError, TrialDefinitionError
from pedl.jsontext import plain
from pedl.trial.alive import alive
from pedl.trial.channel import Channel
from pedl.trial.definition import user_traceback
from pedl.trial.during import FailedDuring
from pedl.trial.notes import notes
from pedl.trial.profile import profile_of
from pedl.trial.start import OtherSession, RestartNeeded, compute_as_asked
from pedl.trial.training import LossIsNaN, train

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
"""A place that cannot be written is nobody's code: the trial can go on when it is mended."""


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
    except LossIsNaN as error:
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
    """Goes as far as the first batch, of a trial that nobody keeps."""
    started, run, findings = alive(channel.task, trains=False)
    with closing(run):
        names = run.validation_metric_names()
        run.rehearse()
    return {
        "type": "done",
        "class": type(started.trial).__name__,
        "validation_metrics": names,
        "session_config": started.task["session_config"],
        "numeric_profile": profile_of(channel.task),
        "warnings": notes(findings),
    }


def _say_profile(channel: Channel) -> dict[str, Any]:
    """Says what a trial would compute with, and computes nothing."""
    compute_as_asked(channel.task)
    return {"type": "done", "numeric_profile": profile_of(channel.task)}


def _say_samples(channel: Channel) -> dict[str, Any]:
    """Says which samples the batches of a trial hold, in any order, and trains nothing."""
    _, run, _ = alive(channel.task, trains=False)
    with closing(run):
        words = run.sample_words(channel.task["start"], channel.task["count"])
    return {"type": "done", "samples": base64.b64encode(words).decode()}


def _export(channel: Channel) -> dict[str, Any]:
    """Writes a checkpoint's model as files that other programs load.

    Where the trial ended, at one of its targets, the model is what it ended with, and not what it would go on from.
    """
    task = channel.task
    _, run, _ = alive(task)
    with closing(run):
        run.load(Path(task["resume"]["path"]), task["resume"]["sha256"])
        if task["ended"]:
            run.end()
        weights = run.weights_sha256()
        needed = run.export(Path(task["export_to"]), task["format"], Path(task["definition"]))
    return {"type": "done", "weights_sha256": weights, "custom_objects": needed}


def _failed(kind: str, message: str, error: BaseException, definition: Path) -> dict[str, Any]:
    if not isinstance(error, PedlError | LossIsNaN):
        traceback.print_exception(error)
    return {"type": "failed", "kind": kind, "message": message, "traceback": user_traceback(error, definition)}


_KINDS = {"check": _check, "export": _export, "profile": _say_profile, "samples": _say_samples, "train": train}

# Imported with this module, before the server forks: Keras loads these parts when they are first touched.
_PRELOADED = (keras.layers.Dense, keras.optimizers.Adam, keras.losses.get, keras.metrics.MeanMetricWrapper)
