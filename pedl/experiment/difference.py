"""The first difference between two runs of a trial: where it is, what differs, and the cause where it can be told."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

CAUSES = (
    "code",
    "configuration",
    "hyperparameters",
    "seed",
    "decisions",
    "versions",
    "pools",
    "instruction set",
    "initial weights",
    "data",
    "order",
    "resume",
    "operation",
    "failure",
)
"""What a difference can come from; the words are those of `Difference.cause`."""


@dataclass(frozen=True)
class Difference:
    """The first difference between what was recorded of a trial and its repetition.

    Attributes:
      step: from 1; 0: before the first.
      batch: from 1 within the trial, exact; 0: before the first; None where the difference is of no single batch, such
        as that of a validation metric.
      what: such as `states, batch 7 of the step`, or `metrics.loss`.
      recorded, repeated: both sides, as plain JSON.
      cause: one of `CAUSES`.
      because: what tells that it is this cause, in a sentence for people.
      tensors: names of variables that differ, in the order of the model.
      tensors_exact: whether these are the tensors after that very batch; else those that differ at the step's end.
      ulps: the largest distance from the original's next checkpoint of weights and optimizers, in units in the last
        place; None where no checkpoint tells.
      ulps_tensor: the variable that is so far away.
      operation: the first operation that gives another result for the same input; None where nobody knows.
      message: all of it, for people.
    """

    step: int
    batch: int | None
    what: str
    recorded: Any
    repeated: Any
    cause: str
    because: str
    tensors: tuple[str, ...] = ()
    tensors_exact: bool = False
    ulps: int | None = None
    ulps_tensor: str | None = None
    operation: str | None = None
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {**asdict(self), "tensors": list(self.tensors)}


@dataclass(frozen=True)
class ProfileDifference:
    """An entry of the numeric profile that is another one here.

    Attributes:
      trial_ids: the trials that recorded it, by number; empty where two machines or records are compared.
      entry: its dotted path, such as `intra_op`.
      cause: the cause that it can be: "versions", "pools" or "instruction set".
      can_cause: what it can change, in a sentence for people.
    """

    trial_ids: tuple[int, ...]
    entry: str
    recorded: Any
    found: Any
    cause: str
    can_cause: str

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {**asdict(self), "trial_ids": list(self.trial_ids)}
