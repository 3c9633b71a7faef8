"""What differs first between two short runs of one trial: the batch, and the tensors after it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from pedl.verify.short_runs import STEPS, Recording

_SHOWN_TENSORS = 4

_MAY_BE_ABSENT = f"validation {STEPS // 2}."
"""Results that a resumed run lacks: its first half trains to its end, and is validated as one that ends there."""


NOTHING = "nothing"
"""Stands for a result that one of the runs has not."""


@dataclass(frozen=True)
class Moved:
    """The first bits that moved.

    Attributes:
      what: "initial weights", "data", "variables", "failure", or the name of a result, such as "validation 1.loss".
      step, batch: from 1, the batch within the trial; 0: before the first; None: of no single batch.
      tensors: names of the variables that differ after that batch, in the order of the model.
      one, other: both sides: words, values, or what a failure said; None where there is nothing.
    """

    what: str
    step: int | None
    batch: int | None
    tensors: tuple[str, ...]
    one: Any
    other: Any

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {**asdict(self), "tensors": list(self.tensors)}

    def text(self) -> str:
        """Returns it in words for people."""
        if self.what == "failure":
            return f"{_ended(self.one)}; {_ended(self.other)}"
        if self.batch is None:
            return f"{self.what}: {self.one} and {self.other}"
        if self.batch == 0:
            return f"the initial weights differ{self._of_tensors('after batch 1')}"
        return f"the {self.what} of batch {self.batch} (step {self.step}) differ{self._of_tensors('after it')}"

    def _of_tensors(self, when: str) -> str:
        if not self.tensors:
            return ""
        more = len(self.tensors) - _SHOWN_TENSORS
        names = ", ".join(self.tensors[:_SHOWN_TENSORS]) + (f" and {more} more" if more > 0 else "")
        return f"; {when}: {names}"


def moved(one: Recording, other: Recording, resumed: bool = False) -> Moved | None:
    """Returns what differs first between two runs, or None if all that was recorded is equal, bit for bit.

    Args:
      resumed: whether `other` was: then it may lack the validation at the step where it was resumed, and nothing else.
    """
    if one.initial != other.initial and None not in (one.initial, other.initial):
        return Moved("initial weights", 0, 0, _tensors(one, other, 0), one.initial, other.initial)
    for index, (a, b) in enumerate(zip(_batches(one), _batches(other), strict=False)):
        if a != b:
            what, here = ("data", 0) if a[0] != b[0] else ("variables", 1)
            return Moved(what, _step(one, index), index + 1, _tensors(one, other, index), a[here], b[here])
    if one.failure != other.failure:
        return Moved("failure", None, None, (), one.failure, other.failure)
    if len(one.states) != len(other.states):
        return Moved("number of batches", None, None, (), len(one.states), len(other.states))
    for name in {**one.results, **other.results}:
        if resumed and name not in other.results and name.startswith(_MAY_BE_ABSENT):
            continue
        a, b = one.results.get(name, NOTHING), other.results.get(name, NOTHING)
        if a != b:
            return Moved(name, None, None, (), a, b)
    return None


def _batches(it: Recording) -> list[tuple[str, str]]:
    return list(zip(it.data, it.states, strict=True))


def _step(it: Recording, index: int) -> int:
    return index * STEPS // max(len(it.states), index + 1) + 1


def _tensors(one: Recording, other: Recording, index: int) -> tuple[str, ...]:
    def at(it: Recording, name: str) -> str | None:
        words = it.tensors.get(name, ())
        return words[index] if index < len(words) else None

    names = {**dict.fromkeys(one.tensors), **dict.fromkeys(other.tensors)}
    return tuple(name for name in names if at(one, name) != at(other, name))


def _ended(failure: dict[str, Any] | None) -> str:
    if failure is None:
        return "one run ended well"
    said = str(failure.get("message", failure.get("reason"))).strip().splitlines()
    return f"one failed: {said[-1] if said else failure['type']}"
