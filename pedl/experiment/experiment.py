"""An experiment in the hands of a person: create or load it, run it, read it, label it, wait for it.

    experiment = create_experiment("random.yaml", "examples/mnist")
    experiment.run(workers=2)
    experiment.best_trial.hparams, experiment.best_trial.metrics

Here is what is done with one; `recorded.py` reads it, `changing.py` changes it, `handing_out.py` copies from it.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pedl.display.live import PAUSING
from pedl.display.shown import shown, view_for
from pedl.errors import InputError
from pedl.experiment import changing, handing_out
from pedl.experiment.arguments import trial_numbers
from pedl.experiment.fold import ExperimentState
from pedl.experiment.recorded import RecordedExperiment
from pedl.experiment.running import run_experiment
from pedl.experiment.stored import StoredCheckpoint

if TYPE_CHECKING:
    from pedl.verify.result import Verification
    from pedl.verify.verifying import News


class Experiment(RecordedExperiment):
    """Experiment `id` of `home`, which exists. See the module's text for an example.

    Attributes:
      id: its number.
      batches: while `run` is under way in this object: batches done by the trials that run, by trial id.
    """

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
          progress: whether a live board of the trials is shown, or lines on standard error where there is neither a
            notebook nor a terminal; None: unless there is an `on_change` to show something.

        Raises:
          InputError: if `workers` is less than 1, or no number.
          StoreError: if another process runs it, if it was canceled or has failed, or its files were changed.
          NotReproduced: if the numeric profile differs from the recorded one, and no change is accepted.
          KeyboardInterrupt: if it was stopped by Ctrl-C or SIGTERM; it is paused then, and can go on.
        """

        def changed(state: ExperimentState, batches: dict[int, int]) -> None:
            self._live, self.batches = state, batches
            view.update(self)
            if on_change is not None:
                on_change(self)

        with shown(self, _progress(progress, on_change)) as view:
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

    def verify(
        self,
        workers: int | None = None,
        trials: Sequence[int] | None = None,
        on_change: Callable[[News], None] | None = None,
        progress: bool | None = None,
    ) -> Verification:
        """Runs the experiment again from its record and compares; it takes as long as training did.

        Its certificate is kept as that of the last verification; a warning says so if it cannot be.

        Args:
          workers: how many trials are trained at once, as in `run`.
          trials: the numbers of those that are run again, with those that they are clones of; None: all; empty: none.
          on_change: called with each difference of the numeric profile (a `pedl.verify.ProfileDifference`), before
            anything is trained, and with each trial that was compared (a `pedl.verify.TrialVerification`).
          progress: whether a line is shown for each of these; None: unless there is an `on_change` to show something.

        Returns:
          What was found; its `identical` says whether all came out the same.

        Raises:
          InputError: if `workers` is less than 1, or one of the two is no number.
          StoreError: if there is no such trial, or nothing can be written to compare with.
          TrialFailed: if no training process can be started here, or that of a trial is lost more often than
            `max_restarts` allows.
        """
        # By name, as for `report`: both are built on experiments, and not the other way round. See CONTRIBUTING.md.
        last, lines = importlib.import_module("pedl.verify.last"), importlib.import_module("pedl.verify.lines")
        chosen, view = trial_numbers(trials), view_for(_progress(progress, on_change))

        def tell(news: News) -> None:
            for line in lines.news_lines(self.id, news):
                view.tell(line)
            if on_change is not None:
                on_change(news)

        view.tell(lines.first_line(self.id, chosen))
        found: Verification
        found, content = last.verify_and_certify(self, workers, chosen, tell)
        if trouble := last.keep(self, content):
            warnings.warn(trouble, stacklevel=2)
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

    def download_checkpoint(self, trial_id: int, directory: Path, step: int | None = None) -> StoredCheckpoint:
        """Copies a trial's newest checkpoint, or that of a step, into the new directory `directory`; returns it.

        Raises:
          StoreError: if there is no such trial or checkpoint; the message lists the steps that have one.
          InputError: if `directory` exists.
          CheckpointError: if it is damaged everywhere.
        """
        return handing_out.download_checkpoint(self, trial_id, directory, step)

    def label(self, labels: list[str]) -> None:
        """Replaces the labels.

        Raises:
          InputError: if `labels` is no list of texts, or one is empty or no UTF-8; here and below.
        """
        changing.relabel(self._home, self.id, "labels", labels)

    def add_labels(self, labels: list[str]) -> None:
        """Adds labels to those it has."""
        changing.relabel(self._home, self.id, "add", labels)

    def remove_labels(self, labels: list[str]) -> None:
        """Takes labels away; nothing happens for those it does not have."""
        changing.relabel(self._home, self.id, "remove", labels)

    def archive(self, archived: bool = True) -> None:
        """Archives the experiment, or takes it back out; listings leave archived ones out unless asked."""
        changing.change(self._home, self.id, "archive", {"archived": archived})

    def pause(self) -> bool:
        """Asks the process that runs the experiment to checkpoint and pause; returns False if none runs it."""
        return changing.pause(self._home, self.id)

    def cancel(self, at_once: bool = False) -> bool:
        """Ends the experiment for good: after a checkpoint of what runs, or at once.

        Returns:
          Whether a process runs it, which was asked to end it; else it is canceled on return.

        Raises:
          StoreError: if it is over already.
        """
        return changing.cancel(self._home, self.id, at_once)

    def delete(self) -> None:
        """Deletes the experiment with its checkpoints and logs, for good, in its storage, too.

        Raises:
          StoreError: if a process runs it; if its storage cannot be reached (it is deleted here then).
        """
        changing.delete(self._home, self.id)


def _progress(progress: bool | None, on_change: Callable[..., None] | None) -> bool:
    """Returns whether anything is shown: nothing unasked where the caller has something to show it with."""
    return on_change is None if progress is None else progress
