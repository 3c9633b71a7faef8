"""What a trial is, as a function of what happened to it: half of the fold, whose table of events is in `fold`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Payload = dict[str, Any]


@dataclass
class TrialState:
    """A trial: what the search asked of it, and what its workers reported."""

    id: int
    hparams: Payload
    seed: int
    parent: Payload | None = None
    """The `trial_id` and `step` of the trial that this one is a clone of."""
    streams: dict[str, int] = field(default_factory=dict)
    """Seeds of streams that do not follow the trial's seed, by name."""
    clones: dict[int, int] = field(default_factory=dict)
    """By number, the clones that are not over: the step of this trial whose checkpoint they start from."""
    targets: list[int] = field(default_factory=list)
    closed: bool = False
    stopped: str = ""
    """Why the search stopped it before its end; empty if it did not."""
    steps: dict[int, Payload] = field(default_factory=dict)
    validations: dict[int, Payload] = field(default_factory=dict)
    reached: dict[int, Payload] = field(default_factory=dict)
    checkpoints: list[Payload] = field(default_factory=list)
    """Those that are kept, oldest first; with "stored" once a copy is safe in the experiment's storage."""
    checkpoint_hashes: dict[int, str] = field(default_factory=dict)
    """By batches done; also of those that are not kept any more: a repeat must agree with them, too."""
    checkpoint_uuids: set[str] = field(default_factory=set)
    """Of all that were ever recorded."""
    failure: Payload | None = None
    restarts: int = 0
    resumed_at: set[int] = field(default_factory=set)
    """The numbers of batches from which workers may have gone on: where a forgotten state would show."""
    session_config: Payload | None = None
    started: Payload | None = None
    """What its last worker said before it trained."""
    numeric_profiles: list[Payload] = field(default_factory=list)
    """Those of its workers, each once, oldest first: several where a change of the profile was accepted."""
    messages: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.closed or self.failure is not None

    @property
    def target(self) -> int | None:
        """The step that the trial is to be trained to, or None if there is nothing to do for now."""
        waiting = not self.over and bool(self.targets) and self.targets[-1] not in self.reached
        return self.targets[-1] if waiting else None

    @property
    def steps_completed(self) -> int:
        return max(self.steps, default=0)

    @property
    def batches_completed(self) -> int:
        return int(self.steps[self.steps_completed]["batches"]) if self.steps else 0

    @property
    def last_reached(self) -> Payload | None:
        return self.reached[max(self.reached)] if self.reached else None

    @property
    def final(self) -> Payload | None:
        """What its worker said at its end, with its final weights; None of one that has not ended, or has failed."""
        return self.last_reached if self.closed and self.failure is None else None

    @property
    def weights_sha256(self) -> str | None:
        """The hash of its weights at the last target that it has reached; None before the first."""
        return None if self.last_reached is None else str(self.last_reached["weights_sha256"])

    @property
    def cloned_from(self) -> list[Payload]:
        """The checkpoints that clones start from."""
        steps = set(self.clones.values())
        return [kept for kept in self.checkpoints if kept["step"] in steps]

    def may_resume(self) -> None:
        """Takes in that its next worker goes on from its newest checkpoint."""
        if self.checkpoints and not self.over:
            self.resumed_at.add(self.checkpoints[-1]["batches"])

    def apply(self, kind: str, payload: Payload) -> None:
        """Takes in one event that is about this trial, in the order of the log."""
        _HANDLERS[kind](self, payload)


def _targeted(trial: TrialState, payload: Payload) -> None:
    trial.targets.append(payload["until_step"])
    trial.may_resume()


def _closed(trial: TrialState, payload: Payload) -> None:
    trial.closed = True
    trial.stopped = payload.get("reason", "")


def _started(trial: TrialState, payload: Payload) -> None:
    trial.started = payload
    if payload["numeric_profile"] not in trial.numeric_profiles:
        trial.numeric_profiles.append(payload["numeric_profile"])


def _step(trial: TrialState, payload: Payload) -> None:
    trial.steps[payload["step"]] = payload


def _validation(trial: TrialState, payload: Payload) -> None:
    trial.validations[payload["step"]] = payload


def _reached(trial: TrialState, payload: Payload) -> None:
    trial.reached[reached_step(payload)] = payload


def reached_step(payload: Payload) -> int:
    """The step that was asked for, which a trial that a callback stopped early counts as having reached."""
    step: int = payload["target"] if "target" in payload else payload["step"]
    return step


def _checkpoint(trial: TrialState, payload: Payload) -> None:
    # A repeat of the same state replaces the files that were there before.
    trial.checkpoints = [kept for kept in trial.checkpoints if kept["batches"] != payload["batches"]]
    trial.checkpoints.append(payload)
    trial.checkpoints.sort(key=lambda kept: int(kept["batches"]))
    trial.checkpoint_hashes[payload["batches"]] = payload["sha256"]
    trial.checkpoint_uuids.add(payload["uuid"])


def _checkpoint_deleted(trial: TrialState, payload: Payload) -> None:
    trial.checkpoints = [kept for kept in trial.checkpoints if kept["uuid"] != payload["uuid"]]


def _checkpoint_stored(trial: TrialState, payload: Payload) -> None:
    trial.checkpoints = [
        {**kept, "stored": True} if kept["uuid"] == payload["uuid"] else kept for kept in trial.checkpoints
    ]


def _checkpoint_damaged(trial: TrialState, payload: Payload) -> None:
    _checkpoint_deleted(trial, payload)
    trial.may_resume()
    trial.messages.append(payload["message"])


def _failed(trial: TrialState, payload: Payload) -> None:
    trial.failure = payload
    trial.messages.append(payload["message"])


def _session_config(trial: TrialState, payload: Payload) -> None:
    trial.session_config = payload["session_config"]


def _restarted(trial: TrialState, payload: Payload) -> None:
    trial.restarts += 1
    trial.may_resume()
    trial.messages.append(f"restarted: {payload['reason']}")


def _warning(trial: TrialState, payload: Payload) -> None:
    trial.messages.append(payload["message"])


_HANDLERS: dict[str, Callable[[TrialState, Payload], None]] = {
    "trial_targeted": _targeted,
    "trial_closed": _closed,
    "started": _started,
    "step": _step,
    "validation": _validation,
    "reached": _reached,
    "checkpoint": _checkpoint,
    "checkpoint_deleted": _checkpoint_deleted,
    "checkpoint_damaged": _checkpoint_damaged,
    "checkpoint_stored": _checkpoint_stored,
    "failed": _failed,
    "violation": _failed,
    "session_config": _session_config,
    "restarted": _restarted,
    "warning": _warning,
}
