"""The check that comes before an experiment exists: the trial class, its data and its first batch, in a real worker.

Everything runs that would run for trial 1 up to its first batch of training and of validation; nothing of it is kept.
What is wrong is said here, to the person who can mend it, before anything is created.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pedl.errors import FieldError, TrialDefinitionError, TrialFailed
from pedl.executor import Executor, last_message
from pedl.near import nearest


def run_check(executor: Executor, task: dict[str, Any], log: Path, source: str) -> dict[str, Any]:
    """Carries a check task out and returns what the worker found: metrics, numeric profile, warnings.

    Args:
      log: what the worker prints.
      source: the model definition as its author knows it; errors name its files, and not those of the copy.

    Raises:
      TrialDefinitionError: if the model definition, its data or its code is wrong; with the user's frames.
      TrialFailed: if the worker died.
    """
    answer = answer_to(executor, task)
    if answer["type"] == "done":
        return answer
    if answer["type"] == "failed":
        raise TrialDefinitionError(_failure(answer, Path(task["definition"]), source))
    raise TrialFailed(
        f"The process that checks the model definition was lost: {answer.get('reason')}.\n{log_tail(log)}"
    )


def answer_to(executor: Executor, task: dict[str, Any]) -> dict[str, Any]:
    """Carries out a task, with the session that it asks for, and returns its terminal message."""
    answer = last_message(executor, task)
    if answer["type"] == "restart":
        answer = last_message(executor, {**task, "session_config": answer["session_config"]})
    return answer


def log_tail(log: Path) -> str:
    """Returns the end of what a worker printed."""
    return log.read_text(errors="replace")[-2000:] if log.exists() else ""


def check_metric(metric: str, found: list[str]) -> None:
    """Compares `searcher.metric` with the validation metrics that exist.

    Raises:
      FieldError: if it is none of them; the message lists them.
    """
    if metric not in found:
        names = ", ".join(sorted(found))
        raise FieldError(
            ("searcher", "metric"),
            f"searcher.metric: found {metric!r}, expected a validation metric of the trial: {names}"
            f"{nearest(metric, sorted(found))}",
        )


def of_the_source(message: str, copy: Path, source: str) -> str:
    """Returns a message that names the source: the copy that was run is gone when it is read."""
    for directory in (copy.resolve(), copy):
        message = message.replace(str(directory), source)
    return message


def _failure(answer: dict[str, Any], copy: Path, source: str) -> str:
    message = of_the_source(str(answer["message"]), copy, source)
    if answer["kind"] != "code":
        return message
    return f"{source} raised an error when it was checked with the hyperparameters of trial 1.\n{message}"
