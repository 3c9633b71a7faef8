"""An experiment, run again and compared: the search's decisions, then its trials, by workers like those that ran it.

    the code and the numeric profile compared  ->  decisions made again  ->  trials trained again, each compared as it
    goes and stopped at its first difference

The experiment is read and not changed: no event, no checkpoint, no log of it. How many trials are trained at once
moves no bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

from pedl.executor import TERMINAL_TYPES, Attempt, Executor
from pedl.experiment import Experiment
from pedl.experiment.diagnosis import Circumstances
from pedl.experiment.difference import ProfileDifference
from pedl.experiment.fold import ENDED, fold, the_trial
from pedl.experiment.place import place_aside
from pedl.experiment.profile import each_once
from pedl.experiment.running import trials_at_once, worker_environment
from pedl.experiment.trial_state import TrialState
from pedl.store import ExperimentPaths
from pedl.verify.clones import Kept, with_ancestors
from pedl.verify.left_out import not_executed
from pedl.verify.profiles import differences_before
from pedl.verify.result import TrialVerification, Verification
from pedl.verify.search_again import decisions_again
from pedl.verify.second_look import looked_at_again
from pedl.verify.trial_check import TrialCheck

News = ProfileDifference | TrialVerification
"""What is told while a verification runs: first the profile, then each trial that was compared."""


def verify_experiment(
    experiment: Experiment,
    workers: int | None = None,
    trials: Sequence[int] | None = None,
    on_change: Callable[[News], None] | None = None,
) -> Verification:
    """Runs an experiment again from its record and compares all that was recorded.

    Args:
      workers: how many trials are trained at once, at least 1; None: half the cores, at least 1.
      trials: the numbers of those that are run again, with those that they are clones of; None: all; empty: none.
      on_change: called with each difference of the numeric profile, before anything is trained, and with each trial
        that was compared.

    Raises:
      StoreError: if there is no such trial, or nothing can be written to compare with.
      TrialFailed: if no training process can be started here, or that of a trial is lost more often than
        `max_restarts` allows: nothing is said of what was not compared.
    """
    return _Verifying(experiment, workers, trials, on_change or (lambda news: None)).run()


class _Verifying:
    def __init__(
        self,
        experiment: Experiment,
        workers: int | None,
        trials: Sequence[int] | None,
        on_change: Callable[[News], None],
    ) -> None:
        self._experiment = experiment
        self._events = experiment.home.events(experiment.id)
        self._state = fold(self._events)
        chosen = [*self._state.trials] if trials is None else trials
        for trial_id in chosen:
            the_trial(experiment.id, self._state, trial_id)
        self._trials = [self._state.trials[it] for it in with_ancestors(self._state, chosen)]
        self._kept = Kept(self._state, self._trials)
        self._limit = trials_at_once(workers, self._state.created["config"])
        self._on_change = on_change
        self._results: dict[int, TrialVerification] = {}

    def run(self) -> Verification:
        created = self._state.created
        with place_aside(self._experiment.home, self._experiment.id, created) as (aside, change):
            environment = worker_environment(created["config"])
            with self._experiment.make_executor(environment, aside.log) as executor:
                before = differences_before(executor, self._experiment.id, self._state, self._trials, aside)
                profile = each_once(chain(*before.values()))
                for it in profile:
                    self._on_change(it)
                count, difference = decisions_again(self._events, profile)
                checks = [self._check(trial, aside, change, before[trial.id]) for trial in self._trials]
                self._run_again(executor, checks)
                self._look_again(executor, checks)
        trials = tuple(self._results[trial.id] for trial in self._trials)
        return Verification(
            experiment_id=self._experiment.id,
            record=self._events,
            trials=trials,
            decisions=count,
            recorded_trials=len(self._state.trials),
            over=self._state.state in ENDED,
            not_executed=tuple(not_executed(self._state, trials)),
            profile_differences=tuple(each_once(it for check in checks for it in check.circumstances.profile)),
            code_change=change,
            difference=difference,
        )

    def _check(
        self, trial: TrialState, aside: ExperimentPaths, change: str | None, profile: Sequence[ProfileDifference]
    ) -> TrialCheck:
        circumstances = Circumstances(change, tuple(profile), frozenset(trial.resumed_at))
        return TrialCheck(self._experiment.id, self._state, trial, aside, circumstances, self._kept)

    def _run_again(self, executor: Executor, checks: Sequence[TrialCheck]) -> None:
        waiting = list(checks)
        running: dict[Attempt, TrialCheck] = {}
        while waiting or running:
            while len(running) < self._limit and (check := self._next(waiting, idle=not running)) is not None:
                self._begin(executor, check, running)
            for attempt, message in executor.poll(None) if running else []:
                check = running.get(attempt)
                if check is None:
                    continue  # it was stopped; an executor may deliver twice
                goes_on = check.receive(message)
                if message["type"] in TERMINAL_TYPES:
                    del running[attempt]
                    self._begin(executor, check, running)
                elif not goes_on:
                    del running[attempt]
                    executor.kill(attempt)
                    self._begin(executor, check, running)

    def _look_again(self, executor: Executor, checks: Sequence[TrialCheck]) -> None:
        """Has the first trial that differs run once more: the others most likely differ for the same reason."""
        check = next((check for check in checks if check.difference is not None), None)
        if check is None or check.difference is None:
            return
        originals = {}
        for kept in self._experiment.checkpoints(check.trial.id):
            path = self._experiment.home.paths(self._experiment.id).checkpoint(check.trial.id, kept.uuid)
            if path.is_dir() and self._experiment.checkpoint_trouble(kept) is None:
                originals[kept.batches] = path
        difference = looked_at_again(
            executor, check.trial, check.difference, check.differing, check.new_legs, originals
        )
        result = self._results[check.trial.id]
        self._results[check.trial.id] = replace(result, difference=difference)

    def _next(self, waiting: list[TrialCheck], idle: bool) -> TrialCheck | None:
        """Takes the first trial that can be started; a clone waits for its parent's checkpoint, while that may come."""
        for number, check in enumerate(waiting):
            parent = check.trial.parent
            if parent is None or self._kept.ready(self._state, check.trial):
                return waiting.pop(number)
            if idle:
                check.give_up(parent["trial_id"])
                return waiting.pop(number)
        return None

    def _begin(self, executor: Executor, check: TrialCheck, running: dict[Attempt, TrialCheck]) -> None:
        """Starts the next leg of a trial, or takes its result in."""
        task = check.task()
        if task is not None:
            running[executor.start(task)] = check
            return
        result = self._results[check.trial.id] = check.verification()
        check.clear()
        self._on_change(result)
