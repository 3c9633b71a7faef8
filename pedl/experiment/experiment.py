"""An experiment in the hands of a person: create or load it, run it, read it, label it, wait for it.

    experiment = create_experiment("random.yaml", "examples/mnist")
    experiment.run(workers=2)
    experiment.best_trial.hparams, experiment.best_trial.metrics

Reading never needs the lock: it folds what is committed. Changing takes the lock where it is free, and leaves a
request for the process that runs the experiment where it is not.
"""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pedl import jsontext
from pedl.config import ExperimentConfig, parse_config
from pedl.display.live import PAUSING
from pedl.display.notebook import experiment_html, experiment_line
from pedl.display.shown import shown
from pedl.errors import InputError, StoreError
from pedl.executor import LocalExecutor
from pedl.experiment.asking import answers, ask
from pedl.experiment.describe import describe, summary
from pedl.experiment.export import export_model
from pedl.experiment.fold import ENDED, ExperimentState, fold
from pedl.experiment.frame import trials_frame
from pedl.experiment.outcome import outcome_sha256
from pedl.experiment.ranking import Standing, best_trial
from pedl.experiment.running import experiment_storage, run_experiment
from pedl.experiment.stored import StoredCheckpoint, download, stored_checkpoints, trouble_with
from pedl.experiment.taking_over import alone
from pedl.experiment.trial_result import TrialResult
from pedl.experiment.trial_state import TrialState
from pedl.experiment.workers import ExecutorFactory
from pedl.store import Draft, Home
from pedl.store.lock import is_held

if TYPE_CHECKING:
    import pandas


class Experiment:
    """Experiment `id` of `home`, which exists. See the module's text for an example.

    Attributes:
      id: its number.
      batches: while `run` is under way in this object: batches done by the trials that run, by trial id.
    """

    def __init__(self, experiment_id: int, home: Home, make_executor: ExecutorFactory = LocalExecutor) -> None:
        self.id = experiment_id
        self.batches: dict[int, int] = {}
        self._home = home
        self._make_executor = make_executor
        self._live: ExperimentState | None = None

    def run(
        self,
        workers: int | None = None,
        on_change: Callable[[Experiment], None] | None = None,
        accept_profile_change: bool = False,
        progress: bool | None = None,
    ) -> None:
        """Runs the experiment, from its start or from where it was left, until it is over, paused or canceled.

        Args:
          workers: how many trials are trained at once, at least 1; None: half the cores, at least 1. It moves no bit.
          on_change: called with this experiment whenever something happened.
          accept_profile_change: go on although floating point may give other bits here; recorded.
          progress: whether a live board of the trials is shown, or lines where there is neither a notebook nor a
            terminal; None: the board in these two, unless there is an `on_change` to show something.

        Raises:
          StoreError: if another process runs it, if it was canceled or has failed, or its files were changed.
          NotReproduced: if the numeric profile differs from the recorded one, and no change is accepted.
          KeyboardInterrupt: if it was stopped by Ctrl-C or SIGTERM; it is paused then, and can go on.
        """

        def changed(state: ExperimentState, batches: dict[int, int]) -> None:
            self._live, self.batches = state, batches
            view.update(self)
            if on_change is not None:
                on_change(self)

        with shown(self, False if progress is None and on_change is not None else progress) as view:
            try:
                run_experiment(
                    home=self._home,
                    experiment_id=self.id,
                    workers=workers,
                    on_change=changed,
                    on_pausing=lambda: view.tell(PAUSING),
                    accept_profile_change=accept_profile_change,
                    make_executor=self._make_executor,
                )
            finally:
                self._live, self.batches = None, {}

    @property
    def home(self) -> Home:
        """Where the experiment is kept."""
        return self._home

    @property
    def make_executor(self) -> ExecutorFactory:
        """What makes the executor of its trials."""
        return self._make_executor

    def verify(self, workers: int | None = None, trials: Sequence[int] | None = None) -> Any:
        """Runs the experiment again and compares; see `pedl.verify.verify_experiment`. Its certificate is kept.

        Returns:
          A `pedl.verify.Verification`, whose `identical` says whether all came out the same.
        """
        # By name: verifying is built on experiments, and not the other way round.
        last = importlib.import_module("pedl.verify.last")
        found, content = last.verify_and_certify(self, workers, trials)
        last.keep(self, content)
        return found

    def report(self, file: str | Path) -> None:
        """Writes the experiment as one HTML page that needs no network; see `pedl.report.write_report`.

        If the file of its last verification is damaged, the page says so.

        Raises:
          InputError: if a package is missing that the page is made with; the message has the command to install it.
        """
        try:
            certificate = importlib.import_module("pedl.verify.last").last_certificate(self)
        except InputError as error:
            certificate = str(error)
        importlib.import_module("pedl.report").write_report(self.describe(), certificate, Path(file).absolute())

    @property
    def state(self) -> str:
        """ACTIVE, PAUSED, COMPLETED, CANCELED or ERROR. One whose process died is PAUSED: it can go on."""
        return self._state().state

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
        return self._shown(experiment_line)

    def _repr_html_(self) -> str:
        return self._shown(experiment_html)

    def _shown(self, draw: Callable[[dict[str, Any]], str]) -> str:
        try:
            return draw(self.describe())
        except StoreError:  # deleted, or unreadable: to look at it raises nothing
            return f"Experiment {self.id} in {self._home.path}: cannot be read"

    def describe(self) -> dict[str, Any]:
        """Returns all there is to know, as plain JSON."""
        return describe(self.id, self._state())

    def log_files(self) -> list[Path]:
        """Returns the logs that exist: what belongs to no trial, then trial by trial."""
        paths = self._home.paths(self.id)
        every = [paths.log(trial_id) for trial_id in (0, *sorted(self._state().trials))]
        return [path for path in every if path.exists()]

    def log_file(self, trial_id: int) -> Path:
        """Returns where the log of a trial is, or will be.

        Raises:
          StoreError: if there is no such trial.
        """
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
        """Reads a checkpoint and returns what is wrong with it; None if it is whole."""
        return trouble_with(it, self._home.paths(self.id), experiment_storage(self._state().created))

    def download_checkpoint(self, trial_id: int, directory: Path, step: int | None = None) -> StoredCheckpoint:
        """Copies a trial's newest checkpoint, or that of a step, into the new directory `directory`; returns it.

        Raises:
          StoreError: if there is no such trial or checkpoint; the message lists the steps that have one.
          InputError: if `directory` exists.
          CheckpointError: if it is damaged everywhere.
        """
        taken = self._checkpoint(trial_id, step)
        download(taken, self._home.paths(self.id), experiment_storage(self._state().created), directory)
        return taken

    def export(self, trial_id: int, directory: Path, file_format: str, step: int | None = None) -> dict[str, Any]:
        """Writes the model of a trial's newest checkpoint, or of that of a step; see `TrialResult.export`."""
        taken = self._checkpoint(trial_id, step)
        return export_model(self.id, self._state(), taken, self._home, self._make_executor, file_format, directory)

    def label(self, labels: list[str]) -> None:
        """Replaces the labels."""
        self._change("label", "labeled", {"labels": labels})

    def archive(self, archived: bool = True) -> None:
        """Archives the experiment, or takes it back out; listings leave archived ones out unless asked."""
        self._change("archive", "archived", {"archived": archived})

    def pause(self) -> bool:
        """Asks the process that runs the experiment to checkpoint and pause; returns False if none runs it."""
        self._home.require(self.id)
        return ask(self._home, self.id, "pause", {}, lambda: None)

    def cancel(self, at_once: bool = False) -> bool:
        """Ends the experiment for good: after a checkpoint of what runs, or at once.

        Returns:
          Whether a process runs it, which was asked to end it; else it is canceled on return.

        Raises:
          StoreError: if it is over already.
        """
        if self.state in ENDED:
            raise StoreError(f"Experiment {self.id} is over already: {self.state}.")
        return self._change("kill" if at_once else "cancel", "canceled", {})

    def delete(self) -> None:
        """Deletes the experiment with its checkpoints and logs, for good, in its storage, too.

        Raises:
          StoreError: if a process runs it; if its storage cannot be reached (it is deleted here then).
        """
        created = self._home.events(self.id)[0].payload
        with alone(self._home.paths(self.id), f"Experiment {self.id}"):
            self._home.delete(self.id)
        storage = experiment_storage(created)
        if storage is not None:
            storage.remove_all()

    def wait(self, poll_s: float = 0.5) -> str:
        """Waits until the experiment is over, or no process runs it any more, and returns its state then."""
        while self._is_running():
            time.sleep(poll_s)
        return self.state

    def _trial(self, trial_id: int) -> TrialState:
        trials = self._state().trials
        if trial_id not in trials:
            count = len(trials)
            raise StoreError(f"There is no trial {self.id}/{trial_id}; experiment {self.id} has trials 1 to {count}.")
        return trials[trial_id]

    def _result(self, state: ExperimentState, trial: TrialState) -> TrialResult:
        last = trial.validations[max(trial.validations)] if trial.validations else {"metrics": {}}
        return TrialResult(
            id=trial.id,
            state=state.trial_state(trial),
            hparams=trial.hparams,
            metrics=jsontext.with_floats(last["metrics"]),
            trial_seed=trial.seed,
            steps_completed=trial.steps_completed,
            weights_sha256=None if trial.last_reached is None else trial.last_reached["weights_sha256"],
            _experiment=self,
        )

    def _checkpoint(self, trial_id: int, step: int | None) -> StoredCheckpoint:
        found = self.checkpoints(trial_id)
        wanted = [it for it in found if step in (None, it.step)]
        if wanted:
            return wanted[-1]
        if found:
            steps = ", ".join(str(it.step) for it in found)
            raise StoreError(f"Trial {self.id}/{trial_id} has no checkpoint of step {step}; steps with one: {steps}.")
        if self._trial(trial_id).failure is not None:
            trial = f"{self.id}/{trial_id}"
            raise StoreError(f"Trial {trial} failed before its first checkpoint. Why: pedl trial logs {trial}")
        raise StoreError(
            f"Trial {self.id}/{trial_id} has no checkpoint: none was made yet, or none is kept.\n"
            "How many are kept is said by checkpoint_policy and checkpoint_storage in the configuration; the same "
            "experiment with others, and the same seed, gives the same weights."
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

    def _change(self, request: str, event: str, payload: dict[str, Any]) -> bool:
        self._home.require(self.id)
        return ask(self._home, self.id, request, payload, lambda: self._record(event, payload))

    def _record(self, event: str, payload: dict[str, Any]) -> None:
        with self._home.open_log(self.id) as log:
            state, requests = fold(log.events()), log.requests()
            drafts: list[Draft] = []
            for draft in answers(requests, state):
                state.apply(*draft)
                drafts.append(draft)
            over = event == "canceled" and state.state in ENDED
            if not over:
                state.apply(event, None, payload)
                drafts.append((event, None, payload))
            log.append(drafts, summary(state, Standing(state)), requests)
        if over:
            raise StoreError(f"Experiment {self.id} is over already: {state.state}.")


def shown_state(recorded: str, running: bool) -> str:
    """Returns the state that people see: ACTIVE needs a process that lives."""
    return "PAUSED" if recorded == "ACTIVE" and not running else recorded
