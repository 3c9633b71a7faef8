"""Which checkpoints are kept: a function of the trials, and of nothing else.

Kept are, together: of each trial the `save_trial_latest` newest and the `save_trial_best` best, over all trials the
`save_experiment_best` best, the newest of each trial that is not over, from which it goes on, and those from which a
clone started that is not over. Best is by the search's metric in the validation of the same step; a checkpoint without
one is not among them. Metrics that are equal are ranked by trial and step, NaN comes last, and a failed trial comes
after all that did not fail. So what is kept in the end does not depend on which trial came first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pedl.experiment.fold import ExperimentState
from pedl.experiment.ranked import Ranked
from pedl.experiment.ranking import result_rank
from pedl.experiment.trial_state import Payload, TrialState


class Retention:
    """Finds checkpoints that may go; looks at the trials that changed, and not at all of them."""

    def __init__(self, state: ExperimentState) -> None:
        self._state = state
        self._storage = state.created["config"]["checkpoint_storage"]
        self._due: set[int] = set()
        self._best: Ranked[tuple[int, str]] = Ranked()
        self._ranked: dict[int, set[str]] = {}
        self.update(state.trials)

    def update(self, changed: Iterable[int]) -> None:
        """Looks at the trials that changed."""
        for trial_id in changed:
            trial = self._state.trials[trial_id]
            self._due.add(trial_id)
            if trial.parent is not None and trial.over:
                self._due.add(trial.parent["trial_id"])
            if self._storage["save_experiment_best"]:
                self._rank(trial)

    def surplus(self, busy: Callable[[str], bool] = lambda uuid: False) -> list[tuple[TrialState, Payload]]:
        """Returns the checkpoints that may go, by trial and step; those that are busy later."""
        gone = []
        best = {uuid for _, uuid in self._first()}
        due, self._due = sorted(self._due), set()
        for trial_id in due:
            trial = self._state.trials[trial_id]
            keep = best | {kept["uuid"] for kept in kept_for_itself(self._state, trial)}
            for checkpoint in trial.checkpoints:
                if checkpoint["uuid"] in keep:
                    continue
                if busy(checkpoint["uuid"]):
                    self._due.add(trial_id)
                else:
                    gone.append((trial, checkpoint))
        return gone

    def _rank(self, trial: TrialState) -> None:
        before = self._first()
        ranks = {checkpoint["uuid"]: rank for rank, checkpoint in _validated(self._state, trial)}
        for uuid in self._ranked.get(trial.id, set()) - ranks.keys():
            self._best.put((trial.id, uuid), None)
        for uuid, rank in ranks.items():
            self._best.put((trial.id, uuid), rank)
        self._ranked[trial.id] = set(ranks)
        self._due |= {trial_id for trial_id, _ in set(before) - set(self._first())}

    def _first(self) -> list[tuple[int, str]]:
        return self._best.first(self._storage["save_experiment_best"])


def kept_for_itself(state: ExperimentState, trial: TrialState) -> list[Payload]:
    """Returns the checkpoints of a trial that stay whatever the other trials are."""
    storage = state.created["config"]["checkpoint_storage"]
    latest = max(storage["save_trial_latest"], 0 if trial.over else 1)
    best = [checkpoint for _, checkpoint in sorted(_validated(state, trial), key=lambda pair: pair[0])]
    return (trial.checkpoints[-latest:] if latest else []) + best[: storage["save_trial_best"]] + trial.cloned_from


def _validated(state: ExperimentState, trial: TrialState) -> list[tuple[tuple[Any, ...], Payload]]:
    return [
        ((trial.failure is not None, *result_rank(state, trial, checkpoint["step"]), checkpoint["step"]), checkpoint)
        for checkpoint in trial.checkpoints
        if checkpoint["step"] in trial.validations
    ]
