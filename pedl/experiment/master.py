"""The master: the loop that turns decisions into tasks, and messages into events, until an experiment is over.

    record what arrived  ->  commit  ->  act: start tasks, end given-up attempts, remove old checkpoints  ->  wait

Everything that arrived while the last commit was written is in the next one. The loop reads no clock and keeps
nothing that matters outside the journal: dropped at any point and started again, it goes on as if nothing had been.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pedl.experiment.asking import answers
from pedl.experiment.interrupts import Interrupts
from pedl.experiment.journal import Journal
from pedl.experiment.keeping import Keeper
from pedl.experiment.queue import Queue
from pedl.experiment.receiving import Receiver
from pedl.experiment.retention import Retention
from pedl.experiment.stalls import Stalls
from pedl.experiment.starting import Starter
from pedl.experiment.trial_state import Payload, TrialState
from pedl.experiment.workers import Workers
from pedl.store import ExperimentPaths, Request

POLL_S = 0.2
"""The longest that a signal or a request waits while no worker says anything, in seconds."""


class Master:
    """Runs one experiment; the caller holds its lock.

    Args:
      limit: how many trials run at once, at least 1.
      clock: returns seconds; decides nothing.
      on_change: called when something was committed, or a worker reported progress.
      on_pausing: called once, when a signal asks for a pause, before anything is waited for.
    """

    def __init__(
        self,
        experiment_id: int,
        journal: Journal,
        workers: Workers,
        receiver: Receiver,
        paths: ExperimentPaths,
        keeper: Keeper,
        limit: int,
        clock: Callable[[], float],
        interrupts: Interrupts,
        on_change: Callable[[], None],
        on_pausing: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._workers = workers
        self._receiver = receiver
        self._keeper = keeper
        self._limit = limit
        self._stalls = Stalls(clock)
        self._retention = Retention(journal.state)
        self._queue = Queue()
        self._interrupts = interrupts
        self._on_change = on_change
        self._on_pausing = on_pausing
        self._starter = Starter(experiment_id, journal, workers, paths, keeper, self._commit)
        self._ends_as: str | None = None
        self._at_once = False
        self._answered: list[Request] = []

    def run(self) -> None:
        """Returns when the experiment is over, or was stopped and all its workers have ended."""
        self._tidy_up()
        self._journal.record("activated", None, {})
        self._enqueue(self._journal.state.trials.values())
        while True:
            self._commit()
            if self._is_over():
                break
            self._start_tasks()
            self._listen()
            self._obey()
        self._commit()
        self._answer_the_rest()
        for trial in self._journal.state.trials.values():
            self._keeper.tidy_up_trial(trial)

    def _tidy_up(self) -> None:
        self._keeper.tidy_up(self._journal.state)
        for request in self._journal.requests():
            if request.kind == "pause":  # a dead master was asked: its pause would surprise whoever starts another
                self._answered.append(request)
            else:
                self._answer(request)

    def _answer_the_rest(self) -> None:
        # After the last event nobody leaves a request any more; what was left before it is all there is.
        rest = self._journal.requests()
        self._answered += rest
        for draft in answers(rest, self._journal.state):
            self._journal.record(*draft)
        self._commit()

    def _is_over(self) -> bool:
        if len(self._workers) or (self._keeper.unfinished and not self._at_once):
            return False
        if self._journal.search_finished and not self._keeper.unfinished:
            trials = self._journal.state.trials.values()
            failed = all(trial.failure is not None for trial in trials)
            self._journal.record("errored" if failed else "completed", None, self._report())
            return True
        if self._ends_as is not None:
            self._journal.record(self._ends_as, None, self._report())
            return True
        return False

    def _report(self) -> Payload:
        return {"waited_s": self._stalls.waited_s} if self._stalls.waited_s else {}

    def _commit(self) -> None:
        self._retention.update(self._journal.changed)
        for trial, kept in self._retention.surplus(self._keeper.busy):
            self._journal.record("checkpoint_deleted", trial.id, {"uuid": kept["uuid"]})
        committed = self._journal.commit(self._answered)
        self._answered = []
        self._workers.end_given_up()
        if committed is None:
            return
        changed = [self._journal.state.trials[trial_id] for trial_id in sorted(committed)]
        self._enqueue(changed)
        self._keeper.carry_out(changed)
        self._on_change()

    def _enqueue(self, trials: Iterable[TrialState]) -> None:
        """Looks for work in trials that changed, and in clones that may have waited for them."""
        for trial in trials:
            for trial_id in (trial.id, *trial.clones):
                if trial_id not in self._workers:
                    self._queue.update(self._journal.state.trials[trial_id])

    def _start_tasks(self) -> None:
        while self._ends_as is None and len(self._workers) < self._limit:
            if (trial_id := self._queue.pop()) is None:
                break
            trial = self._journal.state.trials[trial_id]
            if trial.target is not None and trial_id not in self._workers:
                self._starter.start(trial)
        stopping = self._ends_as is not None
        assert len(self._workers) or self._journal.search_finished or stopping, (
            "the search waits for a trial that does not run"
        )

    def _listen(self) -> None:
        idle = self._limit - len(self._workers) if self._ends_as is None else 0
        with self._stalls.watching(idle, self._journal.search_waits_for):
            arrivals = self._workers.poll(POLL_S) if len(self._workers) else []
        for draft in self._keeper.news(self._journal.state, 0 if len(self._workers) else POLL_S):
            self._journal.record(*draft)
        for attempt, message in arrivals:
            if self._workers.counts(attempt):
                self._receiver.receive(attempt.trial_id, message)
        self._enqueue(self._starter.ended_again())
        if any(message["type"] == "progress" for _, message in arrivals):
            self._on_change()

    def _obey(self) -> None:
        for request in self._journal.requests():
            self._answer(request)
        if self._interrupts.count:
            if self._ends_as is None:
                self._on_pausing()
            self._stop("paused", at_once=self._interrupts.count > 1)

    def _answer(self, request: Request) -> None:
        self._answered.append(request)
        if request.kind == "label":
            self._journal.record("labeled", None, request.payload)
        elif request.kind == "archive":
            self._journal.record("archived", None, request.payload)
        else:
            self._stop("paused" if request.kind == "pause" else "canceled", at_once=request.kind == "kill")

    def _stop(self, ends_as: str, at_once: bool) -> None:
        if self._ends_as is None:
            self._workers.pause_all()
        if self._ends_as != "canceled":  # for good: who cancels is obeyed before who pauses, and not undone
            self._ends_as = ends_as
        if at_once:
            self._at_once = True
            self._workers.kill_all()
