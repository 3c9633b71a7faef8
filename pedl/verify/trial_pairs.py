"""Two trials, held against each other: what was decided of them, their batches, metrics and weights.

Each function names the first difference, or all where they are few. A trial that one side lacks is a difference of
decisions, and has nothing else to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from pedl import jsontext
from pedl.experiment.alarm import first_difference
from pedl.experiment.diagnosis import WORD_DIGITS, Circumstances, diagnose
from pedl.experiment.difference import Difference, ProfileDifference
from pedl.experiment.outcome import trial_outcome
from pedl.experiment.profile import each_once, profile_differences
from pedl.experiment.trial_state import Payload, TrialState

_COMPUTED = ("id", "decisions", "training", "validation", "weights_sha256")
"""Parts of a trial's outcome that are compared elsewhere, or shown one by one."""

_GIVEN = {"hparams": "hyperparameters", "trial_seed": "seed", "streams": "seed", "parent": "decisions"}
"""What a trial is given by the search, and the cause that it is of other batches."""

Pair = tuple[TrialState | None, TrialState | None]
"""The same trial of both sides; None where a side has none."""


def decisions(pairs: Iterable[Pair]) -> Iterator[str]:
    """Yields a line for each decision that differs."""
    for one, other in pairs:
        if one is None or other is None:
            there = one or other
            assert there is not None
            yield f"trial {there.id}: only one side has it"
            continue
        for line in unequal(_decided(one), _decided(other)):
            yield f"trial {_named(one, other)}: {line}"


def given(one: TrialState, other: TrialState) -> list[tuple[str, str]]:
    """Returns what the search gave to one trial and not to the other: a cause of other batches each, and a line."""
    sides = [_decided(it) for it in (one, other)]
    return [
        (cause, line)
        for name, cause in _GIVEN.items()
        for line in unequal(*({name: side[name]} if name in side else {} for side in sides))
    ]


def profiles(one: TrialState, other: TrialState) -> list[ProfileDifference]:
    """Returns what differs between the numeric profiles of two trials, in the order in which they had them."""
    if not one.numeric_profiles or not other.numeric_profiles:
        return []
    count = max(len(it.numeric_profiles) for it in (one, other))
    # A trial that had fewer had its last one from there on.
    sides = [[*it.numeric_profiles, *it.numeric_profiles[-1:] * count][:count] for it in (one, other)]
    return each_once(it for pair in zip(*sides, strict=True) for it in profile_differences(*pair))


def _decided(trial: TrialState) -> Payload:
    """All of a trial's outcome that no worker computed."""
    of = trial_outcome(trial)
    return {**{name: value for name, value in of.items() if name not in _COMPUTED}, **of["decisions"]}


def unequal(one: Payload, other: Payload) -> Iterator[str]:
    """Yields a line for each path of two nested mappings whose values are not the same."""
    sides = [jsontext.flat(it) for it in (one, other)]
    for path in sorted({*sides[0], *sides[1]}):
        left, right = (side.get(path, "nothing") for side in sides)
        if not same(left, right):
            yield f"{path}: {left} and {right}"


def same(one: Any, other: Any) -> bool:
    """Tells whether two plain values are the same to the bit."""
    return jsontext.dumps(one) == jsontext.dumps(other)  # 1 is not 1.0, and 0.0 not -0.0: they are other bits


def over(pairs: Iterable[Pair], found: Callable[[TrialState, TrialState], str | None]) -> Iterator[str]:
    """Yields what `found` tells of each pair that both sides have."""
    for one, other in pairs:
        line = None if one is None or other is None else found(one, other)
        if one is not None and other is not None and line is not None:
            yield f"trial {_named(one, other)}: {line}"


def _named(one: TrialState, other: TrialState) -> str:
    return str(one.id) if one.id == other.id else f"{one.id} and {other.id}"


def batches(one: TrialState, other: TrialState, circumstances: Circumstances) -> str | None:
    """Returns the first batch that differs, with the cause."""
    difference = _first_between(one, other, circumstances)
    if difference is None:
        alone = sorted(set(one.steps) ^ set(other.steps))
        return f"step {alone[0]} is recorded on one side alone" if alone else None
    where = f"batch {difference.batch} (step {difference.step}), " if difference.batch else ""
    tensors = f" Tensors: {', '.join(difference.tensors[:6])}." if difference.tensors else ""
    return (
        f"{where}{difference.what}: {difference.recorded} and {difference.repeated}. "
        f"Cause: {difference.cause}. {difference.because}{tensors}"
    )


def _first_between(one: TrialState, other: TrialState, circumstances: Circumstances) -> Difference | None:
    """Returns the first difference in the words of two trials' batches; None if there is none in what both have."""
    places: list[tuple[str, Payload | None, Payload | None]] = [("started", one.started, other.started)]
    places += [("step", one.steps[step], other.steps.get(step)) for step in sorted(one.steps)]
    for kind, left, right in places:
        if left is None or right is None:
            continue
        recorded, repeated = ({**side, "metrics": {}} for side in _equally_fine(left, right))
        mismatch = first_difference(kind, recorded, repeated)
        if mismatch is not None:
            return diagnose(kind, recorded, repeated, mismatch, circumstances)
    return None


def _equally_fine(*sides: Payload) -> Iterator[Payload]:
    """Yields each side with its tensors' words of each batch, or, where one side has none, of the last batch alone."""
    lengths = {len(text) for side in sides for text in side.get("tensors", {}).values()}
    for side in sides:
        last = {name: text[-WORD_DIGITS:] for name, text in side.get("tensors", {}).items()}
        yield {**side, "tensors": last} if len(lengths) > 1 else side


def metrics(one: TrialState, other: TrialState) -> str | None:
    """Returns the first metric that differs."""
    for what, kind in (("steps", "training"), ("validations", "validation")):
        left, right = getattr(one, what), getattr(other, what)
        for step in sorted({*left, *right}):
            if step not in left or step not in right:
                return f"step {step}: {kind} is recorded on one side alone"
            sides = [jsontext.flat({"metrics": it[step]["metrics"]}) for it in (left, right)]
            for name in sorted({*sides[0], *sides[1]}):
                recorded, repeated = (side.get(name, "nothing") for side in sides)
                if not same(recorded, repeated):
                    return f"step {step}, {kind} {name}: {recorded} and {repeated}"
    return None


def weights(one: TrialState, other: TrialState) -> str | None:
    """Returns the first final weights that differ, of a rung or of the end."""
    for step in sorted({*one.reached, *other.reached}):
        left, right = (it.reached.get(step, {}).get("weights_sha256", "nothing") for it in (one, other))
        if left != right:
            return f"step {step}: {left} and {right}"
    return None
