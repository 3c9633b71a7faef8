"""single, random and grid decide everything up front, in whatever order trials report."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.config import parse_config
from pedl.config.brackets import Rung
from pedl.search import Close, Create, Plan, SearchMethod, Train, make_search, preview
from pedl.search.space import draw_hparams

SPACE = {"lr": {"type": "log", "base": 10, "minval": -4, "maxval": -1, "count": 3}, "units": 16}


def config(**searcher: Any) -> Any:
    return parse_config({"searcher": {"metric": "loss", "max_steps": 5, **searcher}, "hyperparameters": SPACE})


def search(seed: int = 42, **searcher: Any) -> SearchMethod:
    made = config(**searcher)
    return make_search(made.searcher, made.hyperparameters, seed)


SEARCHES = [({"name": "single"}, 1), ({"name": "random", "max_trials": 4}, 4), ({"name": "grid"}, 3)]
each_search = pytest.mark.parametrize(("searcher", "trials"), SEARCHES)


@each_search
def test_all_trials_are_created_at_the_start_and_trained_to_the_end(searcher: dict[str, Any], trials: int) -> None:
    method = search(**searcher)
    assert not method.finished
    operations = method.start()
    assert [type(operation) for operation in operations] == [Create, Train] * trials
    assert [operation.trial_id for operation in operations[::2]] == list(range(1, trials + 1))
    assert operations[1::2] == [Train(trial, until_step=5) for trial in range(1, trials + 1)]
    assert method.plan() == Plan(((Rung(5, trials),),), trials)
    assert (method.plan().total_steps, method.waiting) == (5 * trials, 0)


def decisions(searcher: dict[str, Any], order: list[int], failed: set[int]) -> tuple[list[Any], list[Any]]:
    """Returns the first operations, and what followed for each trial in order of its number."""
    method = search(**searcher)
    first = method.start()
    followed: dict[int, Any] = {}
    for trial in order:
        metric = float("nan") if trial % 2 else 0.1 * trial
        followed[trial] = method.fail(trial) if trial in failed else method.report(trial, 5, metric)
        assert method.report(trial, 5, metric) == [], "a result that arrives twice is followed by nothing"
    assert method.finished
    return first, [followed[trial] for trial in sorted(followed)]


@each_search
@given(data=st.data())
@settings(max_examples=20, deadline=None)
def test_any_order_of_reports_gives_one_decision_log(
    searcher: dict[str, Any], trials: int, data: st.DataObject
) -> None:
    in_order = list(range(1, trials + 1))
    failed = data.draw(st.sets(st.sampled_from(in_order)))
    shuffled = data.draw(st.permutations(in_order))
    expected = decisions(searcher, in_order, failed)
    assert decisions(searcher, shuffled, failed) == expected
    assert expected[1] == [[Close(trial)] for trial in in_order]


def test_a_report_before_the_last_step_is_followed_by_nothing() -> None:
    method = search(name="single")
    method.start()
    assert method.report(1, 3, 0.5) == []
    assert not method.finished
    assert method.report(1, 5, None) == [Close(1)]


def test_more_trials_leave_the_first_ones_as_they_were() -> None:
    few, many = search(name="random", max_trials=2).start(), search(name="random", max_trials=9).start()
    assert many[:4] == few


def test_random_draws_by_trial_number_and_single_draws_as_its_first() -> None:
    operations = search(name="random", max_trials=3).start()
    drawn = [operation.hparams for operation in operations if isinstance(operation, Create)]
    space = config(name="single").hyperparameters
    assert drawn == [draw_hparams(space, 42, trial) for trial in (1, 2, 3)]
    assert search(name="single").start()[0] == Create(1, drawn[0])


def test_a_grid_does_not_depend_on_the_seed_and_random_does() -> None:
    assert search(1, name="grid").start() == search(2, name="grid").start()
    assert search(1, name="random", max_trials=1).start() != search(2, name="random", max_trials=1).start()


@pytest.mark.parametrize("trial", [0, 2])
def test_a_trial_that_was_not_created_cannot_report(trial: int) -> None:
    method = search(name="single")
    method.start()
    with pytest.raises(ValueError, match=f"trial {trial} was not created"):
        method.report(trial, 5, 0.1)


def test_a_preview_counts_trials_steps_and_batches() -> None:
    shown = preview(config(name="random", max_trials=20))
    assert (shown["trials"], shown["total_steps"], shown["total_batches"]) == (20, 100, 10_000)
    assert shown["brackets"] == [{"rungs": [{"steps": 5, "trials": 20}], "trials": 20, "total_steps": 100}]
    assert list(shown["hyperparameters"]) == ["lr", "units"]
