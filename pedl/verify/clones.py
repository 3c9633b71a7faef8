"""Clones start from a checkpoint of another trial: in a repetition, from one that the other's repetition has saved."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pedl.experiment.fold import ExperimentState
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import ExperimentPaths
from pedl.store.checkpoints import remove_litter

Place = tuple[int, int]
"""A trial, and the steps that it had done."""


def with_ancestors(state: ExperimentState, chosen: Iterable[int]) -> list[int]:
    """Returns the chosen trials and those whose checkpoints they start from, by number."""
    found: set[int] = set()
    pending = list(chosen)
    while pending:
        trial_id = pending.pop()
        parent = state.trials[trial_id].parent
        if parent is not None and parent["trial_id"] not in found:
            pending.append(parent["trial_id"])
        found.add(trial_id)
    return sorted(found)


def origin(state: ExperimentState, trial: TrialState) -> Place | None:
    """Returns where a clone starts from; None if the trial is none."""
    if trial.parent is None:
        return None
    reached = state.trials[trial.parent["trial_id"]].reached[trial.parent["step"]]
    return trial.parent["trial_id"], reached["step"]


class Kept:
    """The checkpoints of repetitions that clones start from."""

    def __init__(self, state: ExperimentState, trials: Iterable[TrialState]) -> None:
        self._wanted = {trial.id: place for trial in trials if (place := origin(state, trial)) is not None}
        self._sources: dict[Place, Payload] = {}
        self._over: set[int] = set()

    def keeps(self, trial_id: int, saved: Payload) -> bool:
        """Whether a checkpoint is wanted by a clone."""
        return (trial_id, saved["step"]) in self._wanted.values()

    def saved(self, aside: ExperimentPaths, trial_id: int, saved: Payload) -> None:
        """Takes in that a repetition has saved a checkpoint."""
        if self.keeps(trial_id, saved):
            source = {"path": str(aside.checkpoint(trial_id, saved["uuid"])), "sha256": saved["sha256"]}
            # Of a repetition that was lost, the first one stays: a clone may be starting from it.
            self._sources.setdefault((trial_id, saved["step"]), source)

    def over(self, aside: ExperimentPaths, trial: TrialState, again: bool) -> None:
        """Takes in that a trial was compared: its checkpoints go, and its parent's, unless a clone starts from them.

        Args:
          again: whether it may be run once more, from where it started.
        """
        self._over.add(trial.id)
        if not again:
            self._wanted.pop(trial.id, None)
        wanted = set(self._wanted.values())
        keep = {Path(it["path"]).name for place, it in self._sources.items() if place in wanted}
        parent = None if trial.parent is None else trial.parent["trial_id"]
        for trial_id in self._over & {trial.id, parent}:
            remove_litter(aside, trial_id, keep)

    def of(self, state: ExperimentState, trial: TrialState) -> Payload | None:
        """Returns what a clone starts from; None if the trial is none, or it is not there yet."""
        place = origin(state, trial)
        return None if place is None else self._sources.get(place)

    def ready(self, state: ExperimentState, trial: TrialState) -> bool:
        """Whether all is there that a trial starts from."""
        return trial.parent is None or self.of(state, trial) is not None
