"""One outcome and one decision log, whatever happens on the way; and each mechanism behind it, cut, is missed."""

import dataclasses
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.errors import StoreError
from pedl.experiment import create_experiment, decisions, receiving
from pedl.experiment.decisions import Decisions
from pedl.experiment.journal import Journal
from pedl.experiment.workers import Workers
from pedl.search import Create, Train
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import PROFILE, FakeExecutor, Script
from tests.experiment.laws import no_crash_matters, one_outcome
from tests.search.schedules import SEARCHERS


@pytest.fixture(scope="module")
def created(tmp_path_factory, definition) -> Callable[[int | None], Path]:
    """Homes with one experiment that never ran, by the period of its checkpoints."""
    homes = {}
    for period in (None, 1, 3):
        homes[period] = tmp_path_factory.mktemp("created") / "home"
        config = configuration(min_checkpoint_period=period)
        create_experiment(config, definition, homes[period], 7, FakeExecutor())
    return homes.__getitem__


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    workers=st.sampled_from([1, 2, 3, 8]),
    period=st.sampled_from([None, 1, 3]),
)
def test_any_order_duplicates_losses_and_deaths_of_the_master_give_one_outcome(created, seed, workers, period):
    one_outcome(created(period), seed, workers)


@pytest.mark.soak
@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_a_thousand_times_one_outcome(created, workers):
    for seed in range(250):
        one_outcome(created((None, 1, 3)[seed % 3]), seed, workers)


def test_a_crash_between_any_two_events_changes_nothing(created):
    no_crash_matters(created(1))


def missed(law: Callable[[int], None], tries: int = 30) -> None:
    """Sees a law fail within so many tries."""
    for seed in range(tries):
        try:
            law(seed)
        except (AssertionError, KeyError, StopIteration):
            return
    pytest.fail("the law holds although the mechanism behind it was cut")


def test_without_the_fence_late_messages_are_missed(created, monkeypatch):
    monkeypatch.setattr(Workers, "counts", lambda self, attempt: True)
    missed(lambda seed: one_outcome(created(1), seed, 2))


def test_without_comparing_repetitions_results_are_recorded_twice(created, monkeypatch):
    monkeypatch.setattr(receiving, "recorded_result", lambda *_: None)
    missed(lambda seed: one_outcome(created(None), seed, 2))


def test_without_catching_up_a_crash_loses_decisions(created, monkeypatch):
    whole = Decisions.catch_up
    monkeypatch.setattr(Decisions, "catch_up", lambda self, events: whole(self, events)[:0])
    missed(lambda _: no_crash_matters(created(1)), tries=1)


def test_acting_before_the_commit_is_missed(created, monkeypatch):
    """The twin of "durable before acted on": results that are forgotten, though the master went on from them."""
    take_in = Journal._take_in

    def forgetful(self, kind, trial_id, payload):
        payload = take_in(self, kind, trial_id, payload)
        if kind == "validation":
            self._queue.pop()
        return payload

    monkeypatch.setattr(Journal, "_take_in", forgetful)
    missed(lambda seed: one_outcome(created(1), seed, 2))


def test_a_search_that_decides_by_arrival_is_missed(created, monkeypatch):
    """It trains the trial that reports first for one step more."""
    make_search = decisions.make_search

    def racing_search(*arguments):
        method = make_search(*arguments)
        report, extended = method.report, []

        def race(trial_id, step, metric):
            if not extended:
                extended.append(trial_id)
                return [Train(trial_id, step + 1)]
            return report(trial_id, step, metric)

        method.report = race
        return method

    monkeypatch.setattr(decisions, "make_search", racing_search)
    missed(lambda seed: one_outcome(created(1), seed, 3))


def test_decisions_that_differ_from_the_recorded_ones_are_refused(experiment, monkeypatch):
    one = experiment()
    draft = Decisions._draft

    def other(self, operation):
        if isinstance(operation, Train):
            operation = dataclasses.replace(operation, until_step=operation.until_step + 1)
        return draft(self, operation)

    monkeypatch.setattr(Decisions, "_draft", other)
    recorded, made = (f"`to train trial 1 (until_step: {step})`" for step in (4, 5))
    told = f"Decision 2 of the search is recorded as {recorded}, but is made as {made}.\nThe experiment was written by"
    with pytest.raises(StoreError, match=re.escape(told)):
        one.run()


@pytest.mark.parametrize(
    ("recorded", "told"),
    [
        (
            {"optuna": "3.0.1", "numpy": "1.0.2"},
            r"numpy: recorded 1\.0\.2, found .*; optuna: recorded 3\.0\.1, found .*\nGo back.*: "
            r"pip install numpy==1\.0\.2 optuna==3\.0\.1$",
        ),
        ({"optuna": "3.0.1"}, r"versions: optuna: recorded 3\.0\.1, found .*\n.*: pip install optuna==3\.0\.1$"),
        ({}, "another processor"),
    ],
)
def test_decisions_that_another_optuna_makes_name_both_versions(experiment, monkeypatch, recorded, told):
    pytest.importorskip("optuna")
    same = {name: version(name) for name in ("optuna", "numpy")}
    executor = FakeExecutor(script=Script(profile={**PROFILE, **same, **recorded}))
    one = experiment(executor, searcher={**SEARCHERS["optuna"], "metric": "accuracy"})
    draft = Decisions._draft

    def other(self, operation):
        if isinstance(operation, Create):
            operation = dataclasses.replace(operation, hparams={"units": 99})
        return draft(self, operation)

    monkeypatch.setattr(Decisions, "_draft", other)
    with pytest.raises(StoreError, match=r"`to create trial 1 \(hparams\.nested\.rate: 0\.5, .*units: 99") as caught:
        one.run()
    assert re.search(told, str(caught.value))
