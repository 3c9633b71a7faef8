"""The alarm: a result that arrives again must be equal to the one that is recorded.

Workers repeat themselves for good reasons: a message is delivered twice, a worker was lost and its successor starts
from the last checkpoint. Each repetition is a free test of the promise. An equal one is dropped; one that differs
ends the trial, with both values shown. Recorded results are never overwritten.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from pedl import jsontext
from pedl.experiment.difference import Difference
from pedl.experiment.trial_state import Payload, TrialState, reached_step

_WORD_BYTES = 8

# What differs first explains what differs after it: words, batch by batch, before what is computed from them.
_COMPARED = {
    "started": ("initial_state",),
    "step": ("batches", "words", "fingerprint", "tensors", "metrics"),
    "validation": ("metrics",),
    "reached": ("batches", "fingerprint", "weights_sha256"),
    "checkpoint": ("sha256",),
}

# Of one batch: its data before the state that it leads to.
_WORDS = ("data", "states")

_NAMES = {
    "started": "its start,",
    "step": "training",
    "validation": "the validation of",
    "checkpoint": "the checkpoint of",
    "reached": "its end,",
}


@dataclass(frozen=True)
class Mismatch:
    """The first difference between a recorded result and its repetition."""

    name: str
    """What differs: `data`, `states`, `metrics` or another part of a result."""
    what: str
    """Such as `metrics.loss`, or `states, batch 7 of the step`."""
    recorded: Any
    repeated: Any
    batch: int | None = None
    """The batch within the step, from 1, where it is one batch that differs."""


def recorded_result(trial: TrialState, kind: str, payload: Payload) -> Payload | None:
    """Returns the recorded result that `payload` repeats, or None if it is the first of its place."""
    if kind == "started":
        return trial.started
    if kind == "checkpoint":
        sha256 = trial.checkpoint_hashes.get(payload["batches"])
        return None if sha256 is None else {"sha256": sha256}
    place = {"step": trial.steps, "validation": trial.validations, "reached": trial.reached}[kind]
    return place.get(reached_step(payload))


def first_difference(kind: str, recorded: Payload, repeated: Payload) -> Mismatch | None:
    """Returns where two results of the same place differ first, or None if they are equal, bit for bit."""
    for name in _COMPARED[kind]:
        mismatch = _first_word(recorded, repeated) if name == "words" else _first(name, recorded[name], repeated[name])
        if mismatch is not None:
            return mismatch
    return None


def violation(trial: TrialState, kind: str, difference: Difference) -> Payload:
    """Returns the payload of the event that ends a trial whose repetition differed."""
    return {
        "kind": "violation",
        "step": difference.step,
        "what": difference.what,
        "recorded": difference.recorded,
        "repeated": difference.repeated,
        "difference": difference.to_dict(),
        "message": (
            f"ReproducibilityViolation: trial {trial.id} repeated {_NAMES[kind]} step {difference.step} with another "
            f"result.\n{difference.message}\n"
            "The recorded result was kept and the trial was stopped: "
            "something that it computes with is not controlled by its seed."
        ),
    }


def words(text: str) -> list[str]:
    """Returns the words of a step's batches, each in hexadecimal."""
    content = base64.b64decode(text)
    return [content[at : at + _WORD_BYTES].hex() for at in range(0, len(content), _WORD_BYTES)]


def _first(name: str, recorded: Any, repeated: Any) -> Mismatch | None:
    # Compared as text, which tells 0.0 from -0.0.
    if jsontext.dumps(recorded) == jsontext.dumps(repeated):
        return None
    if isinstance(recorded, dict) and isinstance(repeated, dict):
        texts = [{key: jsontext.dumps(value) for key, value in side.items()} for side in (recorded, repeated)]
        key = min(key for key in {*recorded, *repeated} if texts[0].get(key) != texts[1].get(key))
        return Mismatch(name, f"{name}.{key}", recorded.get(key), repeated.get(key))
    return Mismatch(name, name, recorded, repeated)


def _first_word(recorded: Payload, repeated: Payload) -> Mismatch | None:
    both = [[words(side[name]) for side in (recorded, repeated)] for name in _WORDS]
    for number, pairs in enumerate(zip(*(zip(*sides, strict=False) for sides in both), strict=False), start=1):
        for name, (one, other) in zip(_WORDS, pairs, strict=True):
            if one != other:
                return Mismatch(name, f"{name}, batch {number} of the step", one, other, number)
    for name, (one_side, other_side) in zip(_WORDS, both, strict=True):
        if len(one_side) != len(other_side):
            return Mismatch(name, f"{name}, number of batches", len(one_side), len(other_side))
    return None
