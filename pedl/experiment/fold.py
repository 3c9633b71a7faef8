"""What an experiment is, as a function of what happened to it, and of nothing else.

`fold(events)` is the only way to an `ExperimentState`. Starting again after a crash is the fold; so are the live table,
`describe` and the outcome. No clock, no file, no process.

| event | payload | from |
|---|---|---|
| created | config, experiment_seed, model definition and its hash, numeric_profile, warnings | `create` |
| activated, paused, completed, errored, canceled | the reason, where there is one | the master |
| labeled, archived, profile_changed | labels; archived; recorded and found | a person |
| trial_created, trial_targeted, trial_closed | hparams and trial_seed; until_step; nothing | the search |
| started | numeric_profile, audit, initial_state | a worker, before it trains |
| step, validation, checkpoint, reached | as the worker sent it ("reached" is its "done") | a worker |
| session_config | the pools that the trial asks to be started with | a worker |
| restarted | reason | the master: a worker was lost |
| failed, violation | kind, message, traceback; what differed | a worker; the alarm |
| checkpoint_damaged, checkpoint_deleted | uuid, and the reason | the master |
| warning | message | a worker |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from pedl.store import Event

Payload = dict[str, Any]

ENDED = ("COMPLETED", "ERROR", "CANCELED")
"""States that an experiment does not leave."""


@dataclass
class TrialState:
    """A trial: what the search asked of it, and what its workers reported."""

    id: int
    hparams: Payload
    seed: int
    targets: list[int] = field(default_factory=list)
    closed: bool = False
    steps: dict[int, Payload] = field(default_factory=dict)
    validations: dict[int, Payload] = field(default_factory=dict)
    reached: dict[int, Payload] = field(default_factory=dict)
    checkpoints: list[Payload] = field(default_factory=list)
    """Those that are kept, oldest first."""
    checkpoint_hashes: dict[int, str] = field(default_factory=dict)
    """By batches done; also of those that are not kept any more: a repeat must agree with them, too."""
    checkpoint_uuids: set[str] = field(default_factory=set)
    """Of all that were ever recorded."""
    failure: Payload | None = None
    restarts: int = 0
    session_config: Payload | None = None
    started: Payload | None = None
    """What its last worker said before it trained."""
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


@dataclass
class ExperimentState:
    """An experiment: how it was created, and its trials by number."""

    created: Payload = field(default_factory=dict)
    state: str = "PAUSED"
    trials: dict[int, TrialState] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    archived: bool = False
    numeric_profile: Payload = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def apply(self, kind: str, trial_id: int | None, payload: Payload) -> None:
        """Takes in one event, in the order of the log."""
        if kind == "trial_created":
            assert trial_id is not None
            self.trials[trial_id] = TrialState(trial_id, payload["hparams"], payload["trial_seed"])
        elif trial_id is None:
            _ON_EXPERIMENT[kind](self, payload)
        else:
            _ON_TRIAL[kind](self.trials[trial_id], payload)

    def trial_state(self, trial: TrialState) -> str:
        """Returns ACTIVE, PAUSED, COMPLETED, CANCELED or ERROR: of a trial that is not over, its experiment's."""
        if trial.failure is not None:
            return "ERROR"
        return "COMPLETED" if trial.closed else self.state


def fold(events: Iterable[Event]) -> ExperimentState:
    """Returns the state that these events, all of an experiment or its first ones, amount to."""
    state = ExperimentState()
    for event in events:
        state.apply(event.kind, event.trial_id, event.payload)
    return state


def _created(state: ExperimentState, payload: Payload) -> None:
    state.created = payload
    state.labels = payload["config"]["labels"]
    state.numeric_profile = payload["numeric_profile"]
    state.messages += payload["warnings"]


def _becomes(name: str) -> Callable[[ExperimentState, Payload], None]:
    def become(state: ExperimentState, _: Payload) -> None:
        state.state = name

    return become


def _labeled(state: ExperimentState, payload: Payload) -> None:
    state.labels = payload["labels"]


def _archived(state: ExperimentState, payload: Payload) -> None:
    state.archived = payload["archived"]


def _profile_changed(state: ExperimentState, payload: Payload) -> None:
    state.numeric_profile = payload["found"]
    state.messages.append(payload["message"])


_ON_EXPERIMENT: dict[str, Callable[[ExperimentState, Payload], None]] = {
    "created": _created,
    "activated": _becomes("ACTIVE"),
    "paused": _becomes("PAUSED"),
    "completed": _becomes("COMPLETED"),
    "errored": _becomes("ERROR"),
    "canceled": _becomes("CANCELED"),
    "labeled": _labeled,
    "archived": _archived,
    "profile_changed": _profile_changed,
}


def _targeted(trial: TrialState, payload: Payload) -> None:
    trial.targets.append(payload["until_step"])


def _closed(trial: TrialState, _: Payload) -> None:
    trial.closed = True


def _started(trial: TrialState, payload: Payload) -> None:
    trial.started = payload


def _step(trial: TrialState, payload: Payload) -> None:
    trial.steps[payload["step"]] = payload


def _validation(trial: TrialState, payload: Payload) -> None:
    trial.validations[payload["step"]] = payload


def _reached(trial: TrialState, payload: Payload) -> None:
    trial.reached[payload["step"]] = payload


def _checkpoint(trial: TrialState, payload: Payload) -> None:
    # A repeat of the same state replaces the files that were there before.
    trial.checkpoints = [kept for kept in trial.checkpoints if kept["batches"] != payload["batches"]]
    trial.checkpoints.append(payload)
    trial.checkpoints.sort(key=lambda kept: int(kept["batches"]))
    trial.checkpoint_hashes[payload["batches"]] = payload["sha256"]
    trial.checkpoint_uuids.add(payload["uuid"])


def _checkpoint_deleted(trial: TrialState, payload: Payload) -> None:
    trial.checkpoints = [kept for kept in trial.checkpoints if kept["uuid"] != payload["uuid"]]


def _checkpoint_damaged(trial: TrialState, payload: Payload) -> None:
    _checkpoint_deleted(trial, payload)
    trial.messages.append(payload["message"])


def _failed(trial: TrialState, payload: Payload) -> None:
    trial.failure = payload
    trial.messages.append(payload["message"])


def _session_config(trial: TrialState, payload: Payload) -> None:
    trial.session_config = payload["session_config"]


def _restarted(trial: TrialState, payload: Payload) -> None:
    trial.restarts += 1
    trial.messages.append(f"restarted: {payload['reason']}")


def _warning(trial: TrialState, payload: Payload) -> None:
    trial.messages.append(payload["message"])


_ON_TRIAL: dict[str, Callable[[TrialState, Payload], None]] = {
    "trial_targeted": _targeted,
    "trial_closed": _closed,
    "started": _started,
    "step": _step,
    "validation": _validation,
    "reached": _reached,
    "checkpoint": _checkpoint,
    "checkpoint_deleted": _checkpoint_deleted,
    "checkpoint_damaged": _checkpoint_damaged,
    "failed": _failed,
    "violation": _failed,
    "session_config": _session_config,
    "restarted": _restarted,
    "warning": _warning,
}
