"""From the first mismatch of two results to a `Difference`: its batch, its tensors, and its cause where it can be told.

What is known is what was recorded: a word of the data, of its samples in any order and of all variables for each
batch, and a word of each variable at a step's end. A cause is told from the outside in:

    the code is another one                                   -> whatever differs may come from it
    two records: a trial was given something else             -> configuration, hyperparameters, seed
    a library's version is another one                        -> whatever differs may come from it
    the state before the first batch differs                  -> initial weights
    a batch's data differ, and before it nothing did          -> order, if the same samples came, else data
    data and state before the batch are equal, the next is not -> pools, instruction set; a resume right before it; else
                                                                  an operation that gave another result

Pure: the same for the alarm of a running experiment and for a verification.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pedl.experiment.alarm import Mismatch, words
from pedl.experiment.difference import Difference, ProfileDifference
from pedl.experiment.profile import SAMPLER, SUGGESTING
from pedl.experiment.trial_state import Payload

WORD_DIGITS = 16
"""Of a tensor's word, in hexadecimal."""

_MOST_NAMES = 6


@dataclass(frozen=True)
class Circumstances:
    """What is known besides the two results.

    Attributes:
      code_change: what of the model definition is not what was recorded.
      profile: what of the numeric profile is another one.
      resumed_at: the numbers of batches at which the recorded trial, or its repetition, was resumed.
      given: of two records, what the one trial was given and the other was not: a cause each, and a line for people.
    """

    code_change: str | None = None
    profile: Sequence[ProfileDifference] = ()
    resumed_at: Collection[int] = ()
    given: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class _Symptom:
    """What differs, before anything is known of the circumstances."""

    cause: str
    because: str
    numeric: bool
    """Whether it is the result of a computation whose input was equal."""


def diagnose(
    kind: str, recorded: Payload, repeated: Payload, mismatch: Mismatch, circumstances: Circumstances
) -> Difference:
    """Returns the difference between two results of the same place, whose first mismatch is known."""
    batch = _batch(kind, recorded, mismatch)
    tensors, exact = _tensors(recorded, repeated, mismatch) if kind == "step" else ((), False)
    cause, because = _cause(_symptom(kind, recorded, repeated, mismatch), batch, circumstances)
    return with_message(
        Difference(
            step=int(repeated.get("step", 0)),
            batch=batch,
            what=mismatch.what,
            recorded=mismatch.recorded,
            repeated=mismatch.repeated,
            cause=cause,
            because=because,
            tensors=tensors,
            tensors_exact=exact,
        )
    )


def with_message(difference: Difference) -> Difference:
    """Returns the difference with the message that says it to people."""
    lines = [
        f"{difference.what}: recorded was {difference.recorded}, repeated is {difference.repeated}.",
        *_where(difference),
        f"Cause: {difference.cause}. {difference.because}",
    ]
    if difference.operation is not None:
        lines.append(f"Operation: {difference.operation}")
    if difference.tensors:
        when = "after that batch" if difference.tensors_exact else "at the end of the step"
        lines.append(f"Tensors that differ {when}: {_listed(difference.tensors)}.")
    if difference.ulps == 0:
        lines.append("At the original's next checkpoint nothing differs any more, as far as floats go.")
    elif difference.ulps is not None:
        where = f"{difference.ulps:,} ulps, in {difference.ulps_tensor}"
        lines.append(f"Largest distance from the original's next checkpoint: {where}.")
    return Difference(**{**vars(difference), "message": "\n".join(lines)})


def _where(difference: Difference) -> list[str]:
    if difference.batch:
        return [f"This is batch {difference.batch} of the trial, in step {difference.step}."]
    return [f"This is step {difference.step} of the trial."] if difference.batch is None and difference.step else []


def _listed(names: Sequence[str], between: str = ", ") -> str:
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return between.join(names[:_MOST_NAMES]) + more


def _batch(kind: str, recorded: Payload, mismatch: Mismatch) -> int | None:
    if kind == "started":
        return 0
    if mismatch.batch is None:
        return None
    return int(recorded["batches"]) - len(words(recorded["states"])) + mismatch.batch


def _tensors(recorded: Payload, repeated: Payload, mismatch: Mismatch) -> tuple[tuple[str, ...], bool]:
    """The variables that differ: after the batch, where words of each batch were kept, else at the step's end."""
    one, other = recorded["tensors"], repeated["tensors"]
    count = len(words(recorded["states"]))
    every_batch = count > 1 and any(len(word) == count * WORD_DIGITS for word in one.values())
    if mismatch.batch is not None and every_batch:
        at = slice((mismatch.batch - 1) * WORD_DIGITS, mismatch.batch * WORD_DIGITS)
        names = [name for name in one if one[name][at] != other.get(name, "")[at]]
    else:
        names = [name for name in one if one[name] != other.get(name)]
    exact = mismatch.batch is not None and (every_batch or mismatch.batch == count)
    return tuple(_plain(name) for name in sorted(names, key=_position)), exact


def _position(name: str) -> int:
    """Names begin with the variable's position: "12:dense/kernel"."""
    number = name.partition(":")[0]
    return int(number) if number.isdigit() else -1


def _plain(name: str) -> str:
    return name.partition(":")[2] or name


def _symptom(kind: str, recorded: Payload, repeated: Payload, mismatch: Mismatch) -> _Symptom:
    if kind == "started":
        return _Symptom("initial weights", "The variables differ before the first batch.", numeric=False)
    if mismatch.name == "data":
        same = _same_samples(recorded, repeated, mismatch.batch)
        if same is not None:
            return _Symptom("order", same, numeric=False)
        return _Symptom("data", "The batch holds other data; everything before it was equal.", numeric=False)
    if mismatch.name == "fingerprint" and kind == "step":
        because = "All words are equal, and the variables have other names, shapes or dtypes."
        return _Symptom("initial weights", because, numeric=False)
    if mismatch.name == "batches":
        return _Symptom("operation", "The training ended at another batch; all before it was equal.", numeric=True)
    if mismatch.name in ("states", "tensors"):
        because = "The batch's data and all variables before it are equal, and the result of training it is not."
        return _Symptom("operation", because, numeric=True)
    if kind == "validation":
        because = "All batches before it are equal, and the validation is not; its data, not recorded, may be others."
        return _Symptom("operation", because, numeric=True)
    return _Symptom("operation", "All batches so far are equal, and what is computed from them is not.", numeric=True)


def _same_samples(recorded: Payload, repeated: Payload, batch: int | None) -> str | None:
    """Tells whether the same samples came in another order, within the batch or up to a later one of the step."""
    if batch is None or not recorded.get("samples") or not repeated.get("samples"):
        return None
    one, other = (words(side["samples"])[batch - 1 :] for side in (recorded, repeated))
    apart = first_equal_sum(one, other)
    if apart is None:
        return None
    if apart == 0:
        return "The batch holds the same samples in another order."
    return f"This batch and the {apart} after it together hold the same samples in another order."


def first_equal_sum(one: Sequence[str], other: Sequence[str]) -> int | None:
    """Returns after how many more batches than the first both sides hold the same samples; None if they never do.

    Args:
      one, other: words of samples in any order, batch by batch from the first that differs.
    """
    difference = 0
    for number, (left, right) in enumerate(zip(one, other, strict=False)):
        difference += _number(left) - _number(right)
        if difference % 2**64 == 0:
            return number
    return None


def _number(word: str) -> int:
    return int.from_bytes(bytes.fromhex(word), "little")


def _cause(symptom: _Symptom, batch: int | None, circumstances: Circumstances) -> tuple[str, str]:
    if circumstances.code_change is not None:
        return "code", f"The model definition is not what was recorded: {circumstances.code_change}. {symptom.because}"
    if circumstances.given:
        lines = _listed([line for _, line in circumstances.given], "; ")
        return circumstances.given[0][0], f"The trials were given other things: {lines}. {symptom.because}"
    for cause in ("versions", "instruction set", "pools"):
        entries = [it for it in circumstances.profile if it.cause == cause and _matters(it, symptom)]
        if entries and (symptom.numeric or cause == "versions"):
            return cause, f"{_sides(entries)}. {symptom.because}"
    if symptom.numeric and batch is not None and batch - 1 in circumstances.resumed_at:
        because = (
            f"{symptom.because} It is the first batch after the trial was resumed (at batch {batch - 1}): a part of "
            "its state was not restored."
        )
        return "resume", because
    return symptom.cause, symptom.because


def _matters(it: ProfileDifference, symptom: _Symptom) -> bool:
    """Decisions depend on what suggests them, and a training on all but the sampler."""
    return it.entry in SUGGESTING if symptom.cause in ("decisions", "hyperparameters") else it.entry != SAMPLER


def _sides(entries: Sequence[ProfileDifference]) -> str:
    return "; ".join(f"{it.entry}: recorded {_shown(it.recorded)}, found {_shown(it.found)}" for it in entries)


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def diagnose_end(
    what: str,
    recorded: Any,
    repeated: Any,
    step: int,
    because: str,
    circumstances: Circumstances,
    cause: str = "failure",
) -> Difference:
    """Returns the difference between two ends of a trial: what was recorded did not happen again, or more did.

    Only a NaN at another place is a result of floating point; an error, such as a file that is not there, is none.
    """
    numeric = (recorded, repeated) == ("nan", "nan")
    cause, because = _cause(_Symptom(cause, because, numeric), None, circumstances)
    return with_message(Difference(step, None, what, recorded, repeated, cause, because))
