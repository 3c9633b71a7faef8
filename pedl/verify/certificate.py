"""A certificate: one JSON file that says what was verified of an experiment, and nothing that was not.

It holds the promise, the digests of everything that the promise is about, and the checks that were executed, with
their counts, when and where. Whoever has the experiment can compare the digests again, and run the checks again. Its
own hash notices a file that was damaged or edited; it is no signature, and says nothing of who wrote it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from pedl import jsontext
from pedl.errors import InputError
from pedl.experiment import Experiment
from pedl.experiment.decisions import DECISIONS
from pedl.experiment.fold import fold
from pedl.experiment.outcome import PROMISE, outcome_sha256
from pedl.experiment.trial_state import TrialState
from pedl.files import write_synced
from pedl.store import Event
from pedl.store.definition import GuardedCopy
from pedl.verify.result import Verification
from pedl.version import VERSION

FORMAT = 1

_HASH = "certificate_sha256"

_ENTRIES = (
    "promise", "experiment", "identical", "complete", "digests", "executed", "not_executed", "verification", "began_at",
    "ended_at", "machine",
)  # fmt: skip
"""What a certificate has besides its format and its hash."""


def certificate(found: Verification, began: datetime, ended: datetime) -> dict[str, Any]:
    """Returns the certificate of a verification that was just executed.

    Args:
      began, ended: when it was, with time zones.
    """
    body: dict[str, Any] = {
        "format": FORMAT,
        "promise": PROMISE,
        "experiment": found.experiment_id,
        "identical": found.identical,
        "complete": found.complete,
        "digests": digests(found.record),
        "executed": executed(found),
        "not_executed": list(found.not_executed),
        "verification": found.to_dict(),
        "began_at": _utc(began),
        "ended_at": _utc(ended),
        "machine": machine(found),
    }
    body = jsontext.plain(body)
    return {**body, _HASH: _sha256(body)}


def write(content: Mapping[str, Any], file: Path) -> None:
    """Writes a certificate; the file is there as a whole or not at all."""
    write_synced(file, (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode())


def read(file: Path) -> dict[str, Any]:
    """Returns a certificate that is as it was written.

    Raises:
      InputError: if there is none, or it was written by a newer pedl, or is not what was written.
    """
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file} is not a readable certificate: {error}.\n"
            f"Get it again from where it comes, or make a new one: pedl experiment verify ID --certificate {file}"
        ) from error
    if not isinstance(content, dict) or _HASH not in content:
        raise InputError(f"{file} is not a pedl certificate; write one with: pedl experiment verify ID --certificate")
    if content.get("format") != FORMAT:
        raise InputError(
            f"{file} has format {content.get('format')!r}, and this pedl ({VERSION}) reads {FORMAT}.\n"
            "Check it with the version of pedl that wrote it (`machine.pedl` in the file names it), or make a new one: "
            f"pedl experiment verify ID --certificate {file}"
        )
    body = {name: value for name, value in content.items() if name != _HASH}
    if _sha256(body) != content[_HASH]:
        raise InputError(
            f"{file} is not as it was written: its hash is {_sha256(body)}, and it says {content[_HASH]}.\n"
            f"Get it again from where it comes, or make a new one: pedl experiment verify ID --certificate {file}"
        )
    if missing := [name for name in _ENTRIES if name not in content]:
        raise InputError(f"{file} is not a whole certificate: it lacks {', '.join(missing)}. Make a new one with pedl.")
    return content


def digests(events: Sequence[Event]) -> dict[str, Any]:
    """Returns the hashes of what the promise is about, from an experiment's record."""
    state = fold(events)
    created = state.created
    made = [it for it in events if it.kind in DECISIONS]
    # By trial: between trials the log has the order in which results arrived, which is no promise.
    decisions = [[it.kind, it.trial_id, it.payload] for it in sorted(made, key=lambda it: it.trial_id or 0)]
    profiles = {str(trial.id): _profile(trial) for trial in state.trials.values()}
    return {
        "configuration": _sha256(created["config"]),
        "model_definition": created["model_definition_sha256"],
        "environment": _sha256({"experiment": state.numeric_profile, "trials": profiles}),
        "decisions": _sha256(decisions),
        "outcome": outcome_sha256(state),
        "trials": {str(trial.id): _of_trial(trial) for _, trial in sorted(state.trials.items())},
    }


def _of_trial(trial: TrialState) -> dict[str, Any]:
    steps = [step for _, step in sorted(trial.steps.items())]
    data = b"".join(base64.b64decode(step["data"]) for step in steps)
    validations = [it for _, it in sorted(trial.validations.items())]
    return {
        "hyperparameters": _sha256(trial.hparams),
        "data": hashlib.sha256(data).hexdigest(),
        "batches": trial.batches_completed,
        "fingerprint": steps[-1]["fingerprint"] if steps else None,
        "record": _sha256([steps, validations]),
        "weights": trial.weights_sha256,
    }


def executed(found: Verification) -> list[dict[str, Any]]:
    """Returns the checks that were executed, each with how often and with what result."""
    trials = found.trials
    failed = [it.trial_id for it in trials if not it.identical]
    checks = {
        "decisions of the search made again": found.decisions,
        "trials trained again": len(trials),
        "steps compared": sum(it.steps for it in trials),
        "batches compared: the data, and all variables after it": sum(it.batches for it in trials),
        "tensors compared one by one": sum(it.tensors for it in trials),
        "metrics compared": sum(it.metrics for it in trials),
        "checkpoints compared by their hash": sum(it.checkpoints for it in trials),
        "final weights compared": sum(it.weights for it in trials),
    }
    done = [{"check": name, "count": count} for name, count in checks.items() if count]
    return [*done, {"check": "trials that differ", "count": len(failed), "trials": failed}]


def machine(found: Verification) -> dict[str, Any]:
    """Returns where a verification was executed: what bits depend on, and what they do not depend on."""
    return {
        "numeric_profile_as_recorded": not found.profile_differences
        if found.trials
        else None,  # then none was asked for
        "recorded_numeric_profile": fold(found.record).numeric_profile,
        "differences": [it.to_dict() for it in found.profile_differences],
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "pedl": VERSION,
    }


def disagreements(content: Mapping[str, Any], experiment: Experiment) -> list[str]:
    """Returns a line for each thing in which an experiment, its files included, is not what a certificate says."""
    events = experiment.home.events(experiment.id)
    here, said = jsontext.flat(jsontext.plain(digests(events))), jsontext.flat(content["digests"])
    found = [
        f"{name}: the certificate says {said.get(name, 'nothing')}, the experiment has {here.get(name, 'nothing')}"
        for name in {**said, **here}
        if said.get(name) != here.get(name)
    ]
    recorded_files = events[0].payload["model_definition_files"]
    change = GuardedCopy(experiment.home.paths(experiment.id).model_definition, recorded_files).change()
    if change is not None:
        found.append(f"the copy of the model definition was changed: {change}")
    for it in experiment.checkpoints():
        trouble = experiment.checkpoint_trouble(it)
        if trouble is not None:
            found.append(f"checkpoint {it.uuid} of trial {it.trial}, step {it.step}: {trouble}")
    return found


def _profile(trial: TrialState) -> Any:
    return trial.numeric_profiles or None


def _utc(when: datetime) -> str:
    return when.astimezone(timezone.utc).isoformat(timespec="seconds")


def _sha256(value: Any) -> str:
    return hashlib.sha256(jsontext.dumps(value).encode()).hexdigest()
