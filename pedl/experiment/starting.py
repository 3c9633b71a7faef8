"""How an attempt at a trial is started: from the newest checkpoint that is whole, and else from where the trial begins.

A trial begins with nothing, with the checkpoint that all trials start from, or, as a clone, with its parent's. A
parent's checkpoint that was damaged is made again: the parent is trained to that step once more, to the same bits, as
the alarm makes sure of.
"""

from __future__ import annotations

from collections.abc import Callable

from pedl.errors import CheckpointError
from pedl.experiment.journal import Journal
from pedl.experiment.keeping import Keeper
from pedl.experiment.tasks import parent_checkpoint, train_task
from pedl.experiment.trial_state import Payload, TrialState
from pedl.experiment.workers import Workers
from pedl.store import ExperimentPaths
from pedl.store.checkpoints import make_room, verify_checkpoint
from pedl.store.definition import GuardedCopy


class Starter:
    """Starts attempts.

    Args:
      commit: makes durable what was recorded.
    """

    def __init__(
        self,
        experiment_id: int,
        journal: Journal,
        workers: Workers,
        paths: ExperimentPaths,
        keeper: Keeper,
        commit: Callable[[], None],
    ) -> None:
        self._experiment_id = experiment_id
        self._journal = journal
        self._workers = workers
        self._paths = paths
        self._keeper = keeper
        self._commit = commit
        self._definition = GuardedCopy(paths.model_definition, journal.state.created["model_definition_files"])
        self._again: set[int] = set()
        """Parents that are trained again for a checkpoint."""

    def start(self, trial: TrialState) -> None:
        """Starts an attempt at a trial that has a target; or at its parent, if that has to come first.

        Raises:
          CheckpointError: if what the trial begins with is damaged, and cannot be made again.
        """
        self._definition.check()
        resume = self._newest_whole(trial, trial.target)
        if resume is None and not self._may_begin(trial):
            return
        self._begin(trial, trial.target, resume)

    def ended_again(self) -> list[TrialState]:
        """Returns the parents that were trained again and have ended; each once."""
        ended = {trial_id for trial_id in self._again if trial_id not in self._workers}
        self._again -= ended
        return [self._journal.state.trials[trial_id] for trial_id in sorted(ended)]

    def _may_begin(self, trial: TrialState) -> bool:
        """Makes sure of what a trial begins with; returns False if that is not there yet."""
        if trial.parent is not None:
            return self._parent_is_ready(trial, self._journal.state.trials[trial.parent["trial_id"]])
        source = self._journal.state.created.get("source")
        if source is not None:
            verify_checkpoint(self._paths.source_checkpoint, source["sha256"])
        return True

    def _parent_is_ready(self, clone: TrialState, parent: TrialState) -> bool:
        kept = parent_checkpoint(self._journal.state, clone)
        trouble = None if kept is None else self._keeper.trouble_with(parent.id, kept)
        if kept is not None and trouble is None:
            return True
        if parent.failure is not None and parent.failure["kind"] == "violation":
            raise CheckpointError(
                f"Trial {clone.id} cannot start: the checkpoint of its parent, trial {parent.id}, is damaged. It "
                f"cannot be made again, since that trial did not repeat itself: {parent.failure['message']}"
            )
        if kept is not None:
            message = f"{trouble}; the checkpoint of step {kept['step']} was given up, and is made again"
            self._journal.record("checkpoint_damaged", parent.id, {"uuid": kept["uuid"], "message": message})
        if parent.id not in self._workers:
            assert clone.parent is not None
            self._again.add(parent.id)
            until_step = clone.parent["step"]
            self._begin(parent, until_step, self._newest_whole(parent, until_step))
        return False

    def _newest_whole(self, trial: TrialState, until_step: int | None) -> Payload | None:
        for kept, trouble in self._keeper.resumable(trial):
            if until_step is not None and kept["step"] > until_step:
                continue
            if trouble is None:
                return kept
            instead = "the one before it is used" if kept is not trial.checkpoints[0] else "training starts again"
            message = f"{trouble}; the checkpoint of step {kept['step']} was given up, and {instead}"
            self._journal.record("checkpoint_damaged", trial.id, {"uuid": kept["uuid"], "message": message})
        return None

    def _begin(self, trial: TrialState, until_step: int | None, resume: Payload | None) -> None:
        self._commit()
        make_room(self._paths, trial.id)
        self._keeper.tidy_up_trial(trial)
        assert until_step is not None
        task = train_task(self._experiment_id, self._journal.state, trial, self._paths, resume, until_step)
        self._workers.start(task, 0 if resume is None else resume["batches"])
