"""An experiment as it is recorded: how it stands, its trials, checkpoints and logs.

Reading never needs the lock: it folds what is committed. While the experiment runs in this object, it is what the
master holds.
"""

from __future__ import annotations

import html
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedl import jsontext
from pedl.config import ExperimentConfig, parse_config
from pedl.display.notebook import experiment_html, experiment_line
from pedl.errors import StoreError
from pedl.executor import LocalExecutor
from pedl.experiment.describe import describe
from pedl.experiment.fold import ExperimentState, fold, the_trial
from pedl.experiment.frame import trials_frame
from pedl.experiment.outcome import outcome_sha256
from pedl.experiment.ranking import best_trial
from pedl.experiment.running import experiment_storage
from pedl.experiment.stored import StoredCheckpoint, checked, stored_checkpoints
from pedl.experiment.trial_result import TrialResult
from pedl.experiment.trial_state import TrialState
from pedl.experiment.workers import ExecutorFactory
from pedl.store import Home
from pedl.store.lock import is_held

if TYPE_CHECKING:
    import pandas


class RecordedExperiment:
    """Experiment `id` of `home`, which exists, for who reads it.

    Attributes:
      id: its number.
      batches: while it runs in this object: batches done by the trials that run, by trial id.
    """

    def __init__(self, experiment_id: int, home: Home, make_executor: ExecutorFactory = LocalExecutor) -> None:
        self.id = experiment_id
        self.batches: dict[int, int] = {}
        self._home = home
        self._make_executor = make_executor
        self._live: ExperimentState | None = None

    @property
    def home(self) -> Home:
        """Where the experiment is kept."""
        return self._home

    @property
    def make_executor(self) -> ExecutorFactory:
        """What makes the executor of its trials."""
        return self._make_executor

    @property
    def state(self) -> str:
        """ACTIVE, PAUSED, COMPLETED, CANCELED or ERROR. One whose process died is PAUSED: it can go on."""
        if self._live is not None:
            return self._live.state
        running = self._is_running()  # asked first, as in `_state`
        return shown_state(self._home.summary(self.id)["state"], running)

    @property
    def config(self) -> ExperimentConfig:
        """The complete configuration, with its experiment seed."""
        return parse_config(self._state().created["config"])

    @property
    def outcome_sha256(self) -> str | None:
        """The hash of all that the promise covers; None until the experiment is over."""
        return outcome_sha256(self._state())

    @property
    def best_trial(self) -> TrialResult | None:
        """The best trial by (searcher metric, trial number), or None before any was validated."""
        state = self._state()
        best = best_trial(state)
        return None if best is None else self._result(state, best)

    @property
    def trials(self) -> list[TrialResult]:
        """The trials that there are so far, by number."""
        state = self._state()
        return [self._result(state, trial) for _, trial in sorted(state.trials.items())]

    def trial(self, trial_id: int) -> TrialResult:
        """Returns a trial.

        Raises:
          StoreError: if there is no such trial.
        """
        return self._result(self._state(), self._trial(trial_id))

    def trials_dataframe(self) -> pandas.DataFrame:
        """Returns the trials as a table of pandas: a row for each, with hyperparameters and metrics in columns.

        Raises:
          InputError: if pandas is not installed.
        """
        return trials_frame(self.trials)

    def __repr__(self) -> str:
        return self._shown(experiment_line, str)

    def _repr_html_(self) -> str:
        return self._shown(experiment_html, html.escape)

    def _shown(self, draw: Callable[[dict[str, Any]], str], quote: Callable[[str], str]) -> str:
        try:
            return draw(self.describe())
        except StoreError:  # deleted, or unreadable: to look at it raises nothing
            return quote(f"Experiment {self.id} in {self._home.path}: cannot be read")

    def describe(self) -> dict[str, Any]:
        """Returns all there is to know, as plain JSON."""
        return describe(self.id, self._state())

    def log_files(self) -> list[Path]:
        """Returns the logs that exist: what belongs to no trial, then trial by trial."""
        paths = self._home.paths(self.id)
        return [path for it in range(self._trial_count() + 1) if (path := paths.log(it)).exists()]

    def log_file(self, trial_id: int) -> Path:
        """Returns where the log of a trial is, or will be.

        Raises:
          StoreError: if there is no such trial.
        """
        if not 1 <= trial_id <= self._trial_count():
            self._trial(trial_id)
        return self._home.paths(self.id).log(trial_id)

    def checkpoints(self, trial_id: int | None = None) -> list[StoredCheckpoint]:
        """Returns the checkpoints that are kept, of one trial or of all, oldest first.

        Raises:
          StoreError: if there is no such trial.
        """
        trials = self._state().trials.values() if trial_id is None else [self._trial(trial_id)]
        return [it for trial in trials for it in stored_checkpoints(trial)]

    def checkpoint_trouble(self, it: StoredCheckpoint) -> str | None:
        """Reads a checkpoint and returns what is wrong with it; None if it is whole, or is not kept any more."""
        found = self._checked(it)
        return None if found is None else found[1]

    def checked_checkpoints(self, trial_id: int | None = None) -> list[tuple[StoredCheckpoint, str | None]]:
        """Reads the checkpoints of one trial or of all, and returns each with what is wrong with it; None: nothing.

        What the process that runs the experiment deletes meanwhile is left out.
        """
        return [found for it in self.checkpoints(trial_id) if (found := self._checked(it)) is not None]

    def wait(self, poll_s: float = 0.5) -> str:
        """Waits until the experiment is over, or no process runs it any more, and returns its state then."""
        while self._is_running():
            time.sleep(poll_s)
        return self.state

    def _checked(self, it: StoredCheckpoint) -> tuple[StoredCheckpoint, str | None] | None:
        return checked(it, self._home.paths(self.id), experiment_storage(self._state().created), self._state)

    def _trial_count(self) -> int:
        """Returns how many trials there are, by the summary: who follows logs asks often, and a fold is dear."""
        count: int = self._home.summary(self.id)["trials"]
        return count

    def _trial(self, trial_id: int) -> TrialState:
        return the_trial(self.id, self._state(), trial_id)

    def _result(self, state: ExperimentState, trial: TrialState) -> TrialResult:
        last = trial.validations[max(trial.validations)] if trial.validations else {"metrics": {}}
        return TrialResult(
            id=trial.id,
            state=state.trial_state(trial),
            hparams=trial.hparams,
            metrics=jsontext.with_floats(last["metrics"]),
            trial_seed=trial.seed,
            steps_completed=trial.steps_completed,
            weights_sha256=trial.weights_sha256,
            _experiment=self,
        )

    def _is_running(self) -> bool:
        self._home.require(self.id)
        return is_held(self._home.paths(self.id).lock)

    def _state(self) -> ExperimentState:
        if self._live is not None:
            return self._live
        running = self._is_running()
        state = fold(self._home.events(self.id))
        state.state = shown_state(state.state, running)
        return state


def shown_state(recorded: str, running: bool) -> str:
    """Returns the state that people see: ACTIVE needs a process that lives."""
    return "PAUSED" if recorded == "ACTIVE" and not running else recorded
