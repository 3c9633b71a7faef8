"""What the master records when a worker says something: one function per type of message.

Each is called for an attempt that counts, in the order in which it sent them, and does nothing but record and let go
of attempts. A message that says nothing new records nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pedl.config.hparams import Space
from pedl.errors import CheckpointError, NotReproduced, StoreError
from pedl.experiment.alarm import first_difference, recorded_result, violation
from pedl.experiment.diagnosis import Circumstances, diagnose
from pedl.experiment.journal import Journal
from pedl.experiment.profile import differences, differences_from_any, expected_profile
from pedl.experiment.trial_state import Payload, TrialState
from pedl.experiment.workers import Workers
from pedl.search import at


class Receiver:
    """Takes messages of workers in.

    Args:
      accept_profile_change: whether workers may compute with another numeric profile than was recorded.
      go_on: the command that goes on with the experiment, for messages.
    """

    def __init__(self, journal: Journal, workers: Workers, accept_profile_change: bool, go_on: str) -> None:
        self._journal = journal
        self._workers = workers
        self._accept_profile_change = accept_profile_change
        self._go_on = go_on
        self._losses: dict[int, int] = {}

    def receive(self, trial_id: int, message: dict[str, Any]) -> None:
        """Takes in one message of the attempt at trial `trial_id` that counts.

        Raises:
          NotReproduced: if the worker computes with another numeric profile than was recorded.
          StoreError: if it could not write.
          CheckpointError: if a checkpoint that a clone starts from could not be made again.
        """
        payload = {name: value for name, value in message.items() if name != "type"}
        _HANDLERS[message["type"]](self, self._journal.state.trials[trial_id], payload)

    def _progress(self, trial: TrialState, payload: Payload) -> None:
        self._workers.batches[trial.id] = payload["batches"]

    def _started(self, trial: TrialState, payload: Payload) -> None:
        found, known = payload["numeric_profile"], self._journal.state.numeric_profile
        expected = expected_profile(known, None if trial.started is None else trial.started["numeric_profile"])
        changes = differences(expected, found)
        if changes and not self._accept_profile_change:
            raise NotReproduced(
                f"Trial {trial.id} would be trained with another numeric profile than was recorded:\n"
                + "".join(f"  {line}\n" for line in changes)
                + "It was not. Go on where the profile agrees, or accept that bits may change: "
                f"{self._go_on} --accept-profile-change"
            )
        if changes:
            message = f"the numeric profile was changed, and the change accepted: {'; '.join(changes)}"
            self._journal.record("profile_changed", None, {"found": found, "message": message})
        if self._result(trial, "started", payload):
            self._workers.trains(trial.id)

    def _step(self, trial: TrialState, payload: Payload) -> None:
        if self._result(trial, "step", payload):
            self._workers.batches[trial.id] = payload["batches"]

    def _validation(self, trial: TrialState, payload: Payload) -> None:
        self._result(trial, "validation", payload)

    def _checkpoint(self, trial: TrialState, payload: Payload) -> None:
        # Where it lies is told by the uuid: a home may be moved.
        self._result(trial, "checkpoint", {name: value for name, value in payload.items() if name != "path"})

    def _done(self, trial: TrialState, payload: Payload) -> None:
        if self._result(trial, "reached", payload):
            self._workers.ended(trial.id)

    def _result(self, trial: TrialState, kind: str, payload: Payload) -> bool:
        """Records a result, or compares it with the recorded one; tells whether the trial may go on."""
        recorded = recorded_result(trial, kind, payload)
        mismatch = None if recorded is None else first_difference(kind, recorded, payload)
        if recorded is not None and mismatch is not None:
            difference = diagnose(kind, recorded, payload, mismatch, self._circumstances(trial, payload))
            self._journal.record("violation", trial.id, violation(trial, kind, difference))
            self._workers.give_up(trial.id)
            return False
        if recorded is None or self._is_news(trial, kind, payload):
            self._journal.record(kind, trial.id, payload)
        return True

    def _circumstances(self, trial: TrialState, payload: Payload) -> Circumstances:
        assert trial.started is not None
        here: Payload = payload.get("numeric_profile") or trial.started["numeric_profile"]
        return Circumstances(profile=differences_from_any(trial.numeric_profiles, here), resumed_at=trial.resumed_at)

    def _is_news(self, trial: TrialState, kind: str, payload: Payload) -> bool:
        """Whether an equal repetition says something new all the same: other files, another process."""
        if kind == "checkpoint":
            return payload["uuid"] not in trial.checkpoint_uuids
        return kind == "started" and payload != trial.started

    def _paused(self, trial: TrialState, _: Payload) -> None:
        self._workers.ended(trial.id)

    def _failed(self, trial: TrialState, payload: Payload) -> None:
        if payload["kind"] == "storage":
            raise StoreError(
                f"Trial {trial.id} could not write: {payload['message']}.\n"
                "What was recorded is safe, and the experiment is paused. Make room, or make the place writable, then "
                f"go on with: {self._go_on}"
            )
        if payload["kind"] == "checkpoint" and trial.checkpoints:
            # It was gone on from the newest, whose hash is right and which does not fit all the same.
            message = f"{payload['message']}; the checkpoint of step {trial.checkpoints[-1]['step']} was given up"
            damaged = {"uuid": trial.checkpoints[-1]["uuid"], "message": message}
            self._journal.record("checkpoint_damaged", trial.id, damaged)
            self._lost(trial, {"reason": payload["message"]})
            return
        self._workers.ended(trial.id)
        self._end(trial, {**payload, "message": payload["message"] + self._changed(trial, payload)})

    def _end(self, trial: TrialState, payload: Payload) -> None:
        """Records that a trial failed.

        Raises:
          CheckpointError: if it has its result, and was only trained again for a clone's sake; the result stays.
        """
        if trial.target is None:
            raise CheckpointError(
                f"Trial {trial.id} was trained again for a checkpoint that a clone starts from, and did not get that "
                f"far: {payload['message']}\nThe experiment is paused. Go on with: {self._go_on}"
            )
        self._journal.record("failed", trial.id, payload)

    def _changed(self, trial: TrialState, payload: Payload) -> str:
        """Returns what a clone that cannot start from its parent's checkpoint has changed; empty for others."""
        if trial.parent is None or payload["kind"] != "checkpoint":
            return ""
        parent = self._journal.state.trials[trial.parent["trial_id"]]
        space = Space.model_validate(self._journal.state.created["config"]["hyperparameters"])
        values = [(path, at(parent.hparams, path), at(trial.hparams, path)) for path in space.flat()]
        changed = ", ".join(f"{path} {before} -> {now}" for path, before, now in values if before != now)
        return (
            f"\nThe trial is a clone of trial {parent.id}, with {changed or 'the same hyperparameters'}. "
            "What changes the shape of a weight cannot be changed between rounds: make it a constant."
        )

    def _restart(self, trial: TrialState, payload: Payload) -> None:
        self._workers.ended(trial.id)
        if trial.session_config is None:
            self._journal.record("session_config", trial.id, payload)
            return
        message = (
            f"session_config() of trial {trial.id} answered {payload['session_config']}, "
            f"and before that {trial.session_config}; expected the same answer each time."
        )
        self._end(trial, {"kind": "definition", "message": message, "traceback": ""})

    def _lost(self, trial: TrialState, payload: Payload) -> None:
        self._workers.ended(trial.id)
        allowed = self._journal.state.created["config"]["max_restarts"]
        self._losses[trial.id] = losses = self._losses.get(trial.id, 0) + 1
        if losses <= allowed:
            self._journal.record("restarted", trial.id, {"reason": payload["reason"]})
            return
        message = (
            f"The worker of trial {trial.id} was lost {losses} times, the last time because: {payload['reason']}. "
            f"It was restarted {allowed} times (max_restarts); its log may say more."
        )
        self._end(trial, {"kind": "lost", "message": message, "traceback": ""})

    def _warning(self, trial: TrialState, payload: Payload) -> None:
        if payload["message"] not in trial.messages:
            self._journal.record("warning", trial.id, payload)


_HANDLERS: dict[str, Callable[[Receiver, TrialState, Payload], None]] = {
    "progress": Receiver._progress,
    "started": Receiver._started,
    "step": Receiver._step,
    "validation": Receiver._validation,
    "checkpoint": Receiver._checkpoint,
    "done": Receiver._done,
    "paused": Receiver._paused,
    "failed": Receiver._failed,
    "restart": Receiver._restart,
    "lost": Receiver._lost,
    "warning": Receiver._warning,
}
