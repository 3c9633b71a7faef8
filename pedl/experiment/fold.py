"""What an experiment is, as a function of what happened to it, and of nothing else.

`fold(events)` is the only way to an `ExperimentState`. Starting again after a crash is the fold; so are the live table,
`describe` and the outcome. No clock, no file, no process.

| event | payload | from |
|---|---|---|
| created | config, experiment_seed, model definition and its hash, numeric_profile, warnings | `create` |
| activated, paused, completed, errored, canceled | waited_s, where workers stood still | the master |
| labeled, archived, profile_changed | labels, or which to add or remove; archived; recorded and found | a person |
| trial_created, trial_targeted, trial_closed | hparams, trial_seed, parent if a clone; until_step; why | the search |
| started | numeric_profile, audit, graph, initial_state | a worker, before it trains |
| step, validation, checkpoint, reached | as the worker sent it ("reached" is its "done") | a worker |
| session_config | the pools that the trial asks to be started with | a worker |
| restarted | reason | the master: a worker was lost |
| failed, violation | kind, message, traceback; what differed | a worker; the alarm |
| checkpoint_damaged, checkpoint_deleted, checkpoint_stored | uuid, and the reason | the master |
| warning | message | a worker; the master, of the storage |
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from pedl.errors import StoreError
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import Event

ENDED = ("COMPLETED", "ERROR", "CANCELED")
"""States that an experiment does not leave."""


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
    waited_s: float = 0.0
    """Seconds that workers stood still because a decision hung on results of others; as far as it was recorded."""

    def apply(self, kind: str, trial_id: int | None, payload: Payload) -> None:
        """Takes in one event, in the order of the log."""
        if kind == "trial_created":
            assert trial_id is not None
            hparams, seed = payload["hparams"], payload["trial_seed"]
            self._create(TrialState(trial_id, hparams, seed, payload.get("parent"), payload.get("streams", {})))
        elif trial_id is None:
            _HANDLERS[kind](self, payload)
        else:
            trial = self.trials[trial_id]
            trial.apply(kind, payload)
            if trial.parent is not None and trial.over:
                self.trials[trial.parent["trial_id"]].clones.pop(trial_id, None)

    def _create(self, trial: TrialState) -> None:
        self.trials[trial.id] = trial
        if trial.parent is not None:
            parent = self.trials[trial.parent["trial_id"]]
            parent.clones[trial.id] = parent.reached[trial.parent["step"]]["step"]

    def trial_state(self, trial: TrialState) -> str:
        """Returns ACTIVE, PAUSED, COMPLETED, CANCELED or ERROR: of a trial that is not over, its experiment's."""
        if trial.failure is not None:
            return "ERROR"
        return "COMPLETED" if trial.closed else self.state


def the_trial(experiment_id: int, state: ExperimentState, trial_id: int) -> TrialState:
    """Returns a trial of an experiment.

    Raises:
      StoreError: if there is no such trial.
    """
    if trial_id not in state.trials:
        there = f"experiment {experiment_id} has trials 1 to {len(state.trials)}"
        raise StoreError(f"There is no trial {experiment_id}/{trial_id}; {there}.")
    return state.trials[trial_id]


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
    def become(state: ExperimentState, payload: Payload) -> None:
        state.state = name
        state.waited_s += payload.get("waited_s", 0.0)

    return become


def _labeled(state: ExperimentState, payload: Payload) -> None:
    kept = [it for it in payload.get("labels", state.labels) if it not in payload.get("remove", ())]
    state.labels = list(dict.fromkeys([*kept, *payload.get("add", ())]))


def _archived(state: ExperimentState, payload: Payload) -> None:
    state.archived = payload["archived"]


def _profile_changed(state: ExperimentState, payload: Payload) -> None:
    state.numeric_profile = payload["found"]
    state.messages.append(payload["message"])


def _warning(state: ExperimentState, payload: Payload) -> None:
    state.messages.append(payload["message"])


def _activated(state: ExperimentState, _: Payload) -> None:
    state.state = "ACTIVE"
    for trial in state.trials.values():
        trial.may_resume()


_HANDLERS: dict[str, Callable[[ExperimentState, Payload], None]] = {
    "created": _created,
    "activated": _activated,
    "paused": _becomes("PAUSED"),
    "completed": _becomes("COMPLETED"),
    "errored": _becomes("ERROR"),
    "canceled": _becomes("CANCELED"),
    "labeled": _labeled,
    "archived": _archived,
    "profile_changed": _profile_changed,
    "warning": _warning,
}
