"""What a verification found, as plain values: what was compared, and the first difference of each trial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pedl.experiment.difference import Difference, ProfileDifference
from pedl.store import Event
from pedl.verify.lines import result_lines


@dataclass(frozen=True)
class TrialVerification:
    """One trial, run again.

    Attributes:
      batches: batches whose data and variables were compared, in the steps that were compared.
      tensors: words of single variables that were compared.
      metrics: values of metrics that were compared.
      checkpoints: checkpoints whose hashes were compared.
      weights: whether the final weights were compared; a trial that has not ended, or has failed, has none.
      over: whether the record reaches the trial's end; else it was compared as far as it goes.
      note: what was not compared, and why, in a sentence for people; "" where all that is recorded was.
    """

    trial_id: int
    identical: bool
    steps: int
    batches: int
    tensors: int
    metrics: int
    checkpoints: int
    weights: bool
    over: bool
    difference: Difference | None
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {**vars(self), "difference": self.difference and self.difference.to_dict()}


@dataclass(frozen=True, repr=False)
class Verification:
    """An experiment, run again.

    Its text is what `pedl experiment verify` prints, but for the command that shows another trial.

    Attributes:
      record: the events that it was compared with; more may have been recorded since.
      trials: those that were run again, by number.
      decisions: how many decisions of the search were made again and compared.
      recorded_trials: how many trials the record has; `trials` may be fewer.
      over: whether the experiment was over; else more may come than was compared.
      not_executed: what of the record was not run again or not compared, in sentences for people.
      profile_differences: of all trials, each once, with what only showed once a trial had started. They make nothing
        unequal by themselves.
      code_change: what of the recorded copy of the model definition is not what was recorded; None: nothing.
      difference: what is no single trial's: of the search or the code. None: nothing.
    """

    experiment_id: int
    record: Sequence[Event]
    trials: tuple[TrialVerification, ...]
    decisions: int
    recorded_trials: int
    over: bool
    not_executed: tuple[str, ...] = ()
    profile_differences: tuple[ProfileDifference, ...] = ()
    code_change: str | None = None
    difference: Difference | None = None

    @property
    def identical(self) -> bool:
        """Whether all that was compared is equal, bit for bit."""
        return self.difference is None and self.code_change is None and all(it.identical for it in self.trials)

    @property
    def differing(self) -> tuple[TrialVerification, ...]:
        """The trials whose first difference is known, by number."""
        return tuple(it for it in self.trials if it.difference is not None)

    @property
    def complete(self) -> bool:
        """Whether the experiment was over, and all that is recorded of it was run again and compared."""
        return self.over and not self.not_executed

    def __repr__(self) -> str:
        return "\n".join(result_lines(self))

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON, as `pedl experiment verify --json` prints it."""
        return {
            "experiment_id": self.experiment_id,
            "identical": self.identical,
            "complete": self.complete,
            "over": self.over,
            "recorded_trials": self.recorded_trials,
            "not_executed": list(self.not_executed),
            "decisions": self.decisions,
            "code_change": self.code_change,
            "profile_differences": [it.to_dict() for it in self.profile_differences],
            "difference": self.difference and self.difference.to_dict(),
            "trials": [it.to_dict() for it in self.trials],
        }
