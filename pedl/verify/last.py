"""The last verification of an experiment, kept beside it as a certificate, so that a page can say what was verified.

The record of the experiment stays as it is: this is a file of its own, and no event.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pedl.display.words import command_line
from pedl.errors import InputError
from pedl.experiment import Experiment
from pedl.verify.certificate import certificate, read, write
from pedl.verify.result import Verification
from pedl.verify.verifying import News, verify_experiment


def verify_and_certify(
    experiment: Experiment,
    workers: int | None = None,
    trials: Sequence[int] | None = None,
    on_change: Callable[[News], None] | None = None,
) -> tuple[Verification, dict[str, Any]]:
    """Runs an experiment again as `verify_experiment` does, and returns what it found with its certificate."""
    began = datetime.now(timezone.utc)
    found = verify_experiment(experiment, workers, trials, on_change)
    return found, certificate(found, began, datetime.now(timezone.utc))


def keep(experiment: Experiment, content: Mapping[str, Any]) -> str:
    """Keeps a certificate as the experiment's last, and returns why it could not be kept; "" if it was.

    What was found does not hang on it: a home that cannot be written can be verified. A certificate that says that a
    part is identical does not take the place of one that says so of the whole, nor of a difference in another part.
    """
    try:
        before = last_certificate(experiment)
    except InputError:
        before = None  # damaged, or of another format
    if before is not None and _says_more(before, content):
        return ""
    try:
        write(content, experiment.home.paths(experiment.id).last_verification)
    except OSError as error:
        return f"the certificate of this verification could not be kept: {error.strerror}"
    return ""


def last_certificate(experiment: Experiment) -> dict[str, Any] | None:
    """Returns the certificate of the last verification, or None if there was none.

    Raises:
      InputError: if it is not as it was written, or a newer pedl wrote it; verifying again replaces it.
    """
    file = experiment.home.paths(experiment.id).last_verification
    try:
        return read(file) if file.exists() else None
    except InputError as error:
        what = str(error).splitlines()[0]
        again = command_line(experiment.home.named, f"experiment verify {experiment.id}")
        raise InputError(f"{what}\nVerify again, which replaces it: {again}") from error


def _says_more(before: Mapping[str, Any], content: Mapping[str, Any]) -> bool:
    if before["digests"] != content["digests"] or not content["identical"] or content["complete"]:
        return False
    if before["identical"]:
        return bool(before["complete"])
    again = {it["trial_id"] for it in content["verification"]["trials"]}
    found = {it["trial_id"] for it in before["verification"]["trials"] if not it["identical"]}
    return not found or not found <= again  # not found: what differs is of no single trial
