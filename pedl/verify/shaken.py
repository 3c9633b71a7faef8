"""What `pedl shake` tells: what each disturbance did, and the places in the code that may be why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pedl.verify.disturbances import Disturbance
from pedl.verify.moved import Moved
from pedl.verify.shake_source import Suspect


@dataclass(frozen=True)
class Finding:
    """What one disturbance did.

    Attributes:
      moved: the first bits that it moved; None: none.
      cause: what moves them, where that was shown by holding it still; "" otherwise.
      not_run: why it was not run; "" if it was.
    """

    disturbance: Disturbance
    moved: Moved | None
    cause: str = ""
    not_run: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {
            "disturbance": self.disturbance.name,
            "what": self.disturbance.what,
            "run": not self.not_run,
            "why_not_run": self.not_run or None,
            "moved": self.moved is not None,
            "held_by_pedl": self.disturbance.held or None,
            "cause": self.cause or None,
            "first": self.moved and self.moved.to_dict(),
        }


@dataclass
class Shaken:
    """The report.

    Attributes:
      hparams, trial_seed: of the trial that was run.
      batches: of each run.
      findings: one for each disturbance, `nothing` first.
      suspects: what was met on the way or read in the source: {"kind", "call", "file", "line"}.
    """

    hparams: dict[str, Any]
    trial_seed: int
    batches: int
    findings: list[Finding] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every disturbance was run, and none moved a bit."""
        return all(it.moved is None and not it.not_run for it in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {
            "clean": self.clean,
            "batches": self.batches,
            "trial_seed": self.trial_seed,
            "hparams": self.hparams,
            "disturbances": [it.to_dict() for it in self.findings],
            "suspects": self.suspects,
        }
