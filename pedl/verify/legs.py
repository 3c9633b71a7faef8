"""The tasks that repeat a trial: one for each target that the search gave it, each going on from the one before.

A trial ends, is validated and saved at each of its targets, so it is repeated in *legs*. A clone starts from what its
parent's repetition has saved.
"""

from __future__ import annotations

from dataclasses import replace

from pedl.experiment.fold import ExperimentState
from pedl.experiment.tasks import train_task
from pedl.experiment.trial_state import Payload, TrialState
from pedl.store import ExperimentPaths
from pedl.store.checkpoints import make_room, remove_checkpoint
from pedl.verify.clones import Kept


class Legs:
    """The legs of one repetition of a trial.

    Args:
      aside: where the repetition keeps its files.
      kept: the checkpoints of repetitions that clones start from, of all trials.
    """

    def __init__(
        self, experiment_id: int, state: ExperimentState, trial: TrialState, aside: ExperimentPaths, kept: Kept
    ) -> None:
        self._experiment_id = experiment_id
        self._state = state
        self._trial = trial
        self._aside = aside
        self._kept = kept
        self._targets = list(trial.targets)
        # A pause saves where none is due, and a repetition does not pause.
        self._save_at = sorted(
            batches // state.created["config"]["batches_per_step"] for batches in trial.checkpoint_hashes
        )
        self._saved: Payload | None = None

    def task(self) -> Payload | None:
        """Returns the task of the next leg, or None if there is none."""
        if not self._targets:
            return None
        make_room(self._aside, self._trial.id)
        # Of a clone: what its parent's repetition saved, and not the original's.
        bare = replace(self._trial, parent=None)
        task = train_task(self._experiment_id, self._state, bare, self._aside, self._saved, self._targets[0])
        task["save_at"] = self._save_at
        source = self._kept.of(self._state, self._trial)
        return task if source is None or self._saved is not None else {**task, "source": source}

    def saved(self, payload: Payload) -> None:
        """Takes in a checkpoint of the repetition; the one before goes, unless a clone starts from it."""
        if self._saved is not None and not self._kept.keeps(self._trial.id, self._saved):
            remove_checkpoint(self._aside, self._trial.id, self._saved["uuid"])
        self._saved = payload
        self._kept.saved(self._aside, self._trial.id, payload)

    def reached(self) -> None:
        """Takes in that a leg has reached its target."""
        self._targets.pop(0)

    def end(self) -> None:
        """There are no further legs."""
        self._targets = []

    def clear(self, looked_at_again: bool) -> None:
        """Removes what the repetition saved, and what it started from, unless a clone or a second look needs it."""
        self._kept.over(self._aside, self._trial, looked_at_again)
