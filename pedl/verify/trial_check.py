"""One trial, repeated: each message is compared with the recorded event of its place as it arrives.

A trial is repeated in *legs*: one for each target that the search gave it, since a trial ends, is validated and saved
at each of them. A record that does not reach a trial's end (paused, canceled, lost, stopped by the alarm) is compared
as far as it goes. A failure of the trial's own code or numbers must come again, at the same step and place.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from pedl.display.words import counted
from pedl.errors import StoreError, TrialFailed
from pedl.experiment.alarm import first_difference, recorded_result, words
from pedl.experiment.diagnosis import Circumstances, diagnose, diagnose_end
from pedl.experiment.difference import Difference
from pedl.experiment.fold import ExperimentState
from pedl.experiment.trial_state import Payload, TrialState, reached_step
from pedl.store import ExperimentPaths
from pedl.verify.clones import Kept
from pedl.verify.failures import comes_again, last_line, what_failed
from pedl.verify.legs import Legs
from pedl.verify.profiles import differences_of
from pedl.verify.result import TrialVerification

_EVENTS = {"started": "started", "step": "step", "validation": "validation", "checkpoint": "checkpoint",
           "done": "reached"}  # fmt: skip
"""Type of message -> kind of event that holds it."""


class TrialCheck:
    """The comparison of one trial.

    Args:
      aside: where the repetition keeps its files.
      kept: the checkpoints of repetitions that clones start from, of all trials.

    Attributes:
      difference: the first one, once it was met.
      differing: the repetition's result that differs; None: it ended otherwise.
      new_legs: makes the tasks of one more repetition.
      step, batches: how far the repetition is, and was equal.
    """

    def __init__(
        self,
        experiment_id: int,
        state: ExperimentState,
        trial: TrialState,
        aside: ExperimentPaths,
        circumstances: Circumstances,
        kept: Kept,
    ) -> None:
        self.trial = trial
        self.difference: Difference | None = None
        self.differing: Payload | None = None
        self._state = state
        self.circumstances = circumstances
        self._losses = 0
        self.new_legs = partial(Legs, experiment_id, state, trial, aside, kept)
        self._begin()

    def _begin(self) -> None:
        trial = self.trial
        self._legs = self.new_legs()
        self._open = {("step", step) for step in trial.steps} | {("validation", step) for step in trial.validations}
        self._open |= {("reached", step) for step in trial.reached}
        self._fails = comes_again(trial.failure)
        self._counts = {"steps": 0, "batches": 0, "tensors": 0, "metrics": 0, "checkpoints": 0}
        self._weights = False
        self.step = 0

    def task(self) -> Payload | None:
        """Returns the task of the next leg, or None if there is nothing more to repeat."""
        if self.difference is not None or not (self._open or self._fails):
            return None
        return self._legs.task()

    def receive(self, message: dict[str, Any]) -> bool:
        """Compares a message; tells whether its attempt may go on."""
        kind, payload = message["type"], {name: value for name, value in message.items() if name != "type"}
        if kind in _EVENTS:
            self._result(_EVENTS[kind], payload)
        elif kind == "failed":
            self._failed(payload)
        elif kind == "restart":
            self._asked_for(payload["session_config"])
        elif kind == "lost":
            self._lost(payload["reason"])
        return self.difference is None and bool(self._open or self._fails)

    def clear(self) -> None:
        """Removes the repetition's files that nobody needs any more. None of its attempts may be running."""
        self._legs.clear(looked_at_again=self.difference is not None)

    def verification(self) -> TrialVerification:
        """Returns what was found, once there is nothing more to repeat."""
        if self.difference is None and self._open:
            kind, step = min(self._open, key=lambda place: place[1])
            self._differs("record", f"{kind} of step {step}", "nothing", step, "What was recorded did not come again.")
        if self.difference is None and self._fails:
            self._did_not_fail(self.step, f"It failed after step {self.step}, and now did not.")
        return TrialVerification(
            trial_id=self.trial.id,
            identical=self.difference is None,
            weights=self._weights,
            over=self.trial.closed if self.trial.failure is None else comes_again(self.trial.failure),
            difference=self.difference,
            note=self._note(),
            **self._counts,
        )

    def give_up(self, parent: int) -> None:
        """Ends the comparison of a clone whose parent's repetition did not come as far as it would start from."""
        because = f"It starts from trial {parent}, which differs before that."
        self._differs("source", "a checkpoint", "none", 0, because, cause="initial weights")

    def _result(self, kind: str, payload: Payload) -> None:
        recorded = recorded_result(self.trial, kind, payload)
        if kind == "started":
            self._compare_profile(payload)
        if kind == "step" and recorded is None and self._fails:
            self._did_not_fail(payload["step"], "It failed at this step, and now did not.")
        if recorded is not None:
            mismatch = first_difference(kind, recorded, payload)
            if mismatch is not None:
                self.difference = diagnose(kind, recorded, payload, mismatch, self.circumstances)
                self.differing = payload
                return
            self._count(kind, payload)
        if kind == "checkpoint":
            self._legs.saved(payload)
        elif kind == "reached":
            self._legs.reached()

    def _count(self, kind: str, payload: Payload) -> None:
        if kind in ("step", "validation", "reached"):
            self._open.discard((kind, reached_step(payload)))
        if kind == "step":
            batches = len(words(payload["states"]))
            self.step = payload["step"]
            self._counts["steps"] += 1
            self._counts["batches"] += batches
            self._counts["tensors"] += sum(len(word) // 16 for word in payload["tensors"].values())
        self._counts["metrics"] += len(payload.get("metrics", ()))
        self._counts["checkpoints"] += kind == "checkpoint"
        final = self.trial.final  # those at a rung before its end are no final ones
        self._weights |= kind == "reached" and final is not None and reached_step(payload) == reached_step(final)

    def _compare_profile(self, payload: Payload) -> None:
        # Known before for the most part; the types of Keras are only known once the model definition was imported.
        found = differences_of(self._state, self.trial, payload["numeric_profile"])
        self.circumstances = replace(self.circumstances, profile=found)

    def _failed(self, payload: Payload) -> None:
        if payload["kind"] == "storage":
            raise StoreError(f"Trial {self.trial.id} could not be run again: {payload['message']}. Make room first.")
        failure = self.trial.failure if self._fails else None
        if failure is not None and not self._open and failure["kind"] == payload["kind"]:
            self._fails = False
            self._legs.end()
            recorded, repeated = what_failed(failure), what_failed(payload)
            if recorded != repeated:
                because = f"It failed after step {self.step}, as it did, and otherwise: {last_line(payload['message'])}"
                self._differs("failure", recorded, repeated, self.step + 1, because)
        elif "session_config" in payload:
            self._asked_for(payload["session_config"])
        else:
            because = f"It failed after step {self.step}: {last_line(payload['message']) or payload['kind']}"
            kind = "none" if failure is None else failure["kind"]
            self._differs("failure", kind, payload["kind"], self.step + 1, because)

    def _did_not_fail(self, step: int, because: str) -> None:
        assert self.trial.failure is not None
        self._differs("failure", self.trial.failure["kind"], "none", step, because)

    def _asked_for(self, session_config: Any) -> None:
        because = "session_config() asks for another session than it did."
        self._differs("session_config", self.trial.session_config, session_config, 0, because, cause="pools")

    def _lost(self, reason: str) -> None:
        allowed = self._state.created["config"]["max_restarts"]
        self._losses += 1
        if self._losses > allowed:
            raise TrialFailed(
                f"Trial {self.trial.id} could not be run again: its process was lost {counted(self._losses, 'time')}, "
                f"the last time because: {reason}. It may be started again {counted(allowed, 'time')} (max_restarts).\n"
                "That is no difference: what was compared of it is equal. Verify again where a process has more room, "
                "for example with one worker, or leave this trial out."
            )
        self._begin()

    def _differs(
        self, what: str, recorded: Any, repeated: Any, step: int, because: str, cause: str = "failure"
    ) -> None:
        self.difference = diagnose_end(what, recorded, repeated, step, because, self.circumstances, cause)

    def _note(self) -> str:
        trial, failure = self.trial, self.trial.failure
        if failure is not None:
            again = "and did so again" if comes_again(failure) and self.difference is None else "its record ends there"
            return f"it failed in the original ({failure['kind']}), {again}"
        if trial.closed:
            return ""
        if not trial.steps:
            return "nothing was recorded of it"
        return f"its record ends with step {trial.steps_completed}: it was not over"
