"""The alarm: a result that arrives again must be equal to the one that is recorded.

Workers repeat themselves for good reasons: a message is delivered twice, a worker was lost and its successor starts
from the last checkpoint. Each repetition is a free test of the promise. An equal one is dropped; one that differs
ends the trial, with both values shown. Recorded results are never overwritten.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from pedl.experiment.trial_state import Payload, TrialState, reached_step

_WORD_BYTES = 8

# What differs first explains what differs after it: data before states, states before what is computed from them.
_COMPARED = {
    "started": ("initial_state",),
    "step": ("batches", "data", "states", "fingerprint", "tensors", "metrics"),
    "validation": ("metrics",),
    "reached": ("batches", "fingerprint", "weights_sha256"),
    "checkpoint": ("sha256",),
}

_NAMES = {
    "started": "its start,",
    "step": "training",
    "validation": "the validation of",
    "checkpoint": "the checkpoint of",
    "reached": "its end,",
}


@dataclass(frozen=True)
class Difference:
    """The first difference between a recorded result and its repetition."""

    what: str
    """Such as `metrics.loss`, or `states, batch 7 of the step`."""
    recorded: Any
    repeated: Any


def recorded_result(trial: TrialState, kind: str, payload: Payload) -> Payload | None:
    """Returns the recorded result that `payload` repeats, or None if it is the first of its place."""
    if kind == "started":
        return trial.started
    if kind == "checkpoint":
        sha256 = trial.checkpoint_hashes.get(payload["batches"])
        return None if sha256 is None else {"sha256": sha256}
    place = {"step": trial.steps, "validation": trial.validations, "reached": trial.reached}[kind]
    return place.get(reached_step(payload))


def first_difference(kind: str, recorded: Payload, repeated: Payload) -> Difference | None:
    """Returns where two results of the same place differ first, or None if they are equal, bit for bit."""
    for name in _COMPARED[kind]:
        if recorded[name] != repeated[name]:
            return _locate(name, recorded[name], repeated[name])
    return None


def violation(trial: TrialState, kind: str, step: int, difference: Difference) -> Payload:
    """Returns the payload of the event that ends a trial whose repetition differed."""
    return {
        "kind": "violation",
        "step": step,
        "what": difference.what,
        "recorded": difference.recorded,
        "repeated": difference.repeated,
        "message": (
            f"ReproducibilityViolation: trial {trial.id} repeated {_NAMES[kind]} step {step} with another result.\n"
            f"{difference.what}: recorded was {difference.recorded}, repeated is {difference.repeated}. "
            "The recorded result was kept and the trial was stopped: "
            "something that it computes with is not controlled by its seed."
        ),
    }


def _locate(name: str, recorded: Any, repeated: Any) -> Difference:
    if isinstance(recorded, dict) and isinstance(repeated, dict):
        key = min(key for key in {*recorded, *repeated} if recorded.get(key) != repeated.get(key))
        return Difference(f"{name}.{key}", recorded.get(key), repeated.get(key))
    if name in ("data", "states"):
        return _first_word(name, _words(recorded), _words(repeated))
    return Difference(name, recorded, repeated)


def _words(text: str) -> list[str]:
    content = base64.b64decode(text)
    return [content[at : at + _WORD_BYTES].hex() for at in range(0, len(content), _WORD_BYTES)]


def _first_word(name: str, recorded: list[str], repeated: list[str]) -> Difference:
    for number, (one, other) in enumerate(zip(recorded, repeated, strict=False), start=1):
        if one != other:
            return Difference(f"{name}, batch {number} of the step", one, other)
    return Difference(f"{name}, number of batches", len(recorded), len(repeated))
