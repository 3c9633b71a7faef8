"""Population-based training: rounds are barriers, and clones are new trials."""

from __future__ import annotations

from typing import Any

from pedl.search import Close, Create, Operation, Parent, SearchMethod, Train
from tests.search.schedules import SEARCHERS, search

NAN = float("nan")


def population(size: int, fraction: float, rounds: int = 3) -> SearchMethod:
    return search(
        SEARCHERS["pbt"], population_size=size, num_rounds=rounds, replace_function={"truncate_fraction": fraction}
    )


def told(method: SearchMethod, step: int, results: dict[int, float | None]) -> list[Operation]:
    """Reports metrics, and failures, which are None; returns what followed the last of them, and all Closes before."""
    following: list[Operation] = []
    for trial, value in results.items():
        following += method.fail(trial) if value is None else method.report(trial, step, value)
    return following


def shape(operations: list[Operation]) -> list[Any]:
    """Operations without hyperparameters."""
    return [(it.trial_id, it.parent) if isinstance(it, Create) else it for it in operations]


def test_the_worst_are_replaced_by_clones_of_the_best_with_the_next_numbers() -> None:
    method = population(5, 0.4)
    assert [it for it in method.start() if isinstance(it, Train)] == [Train(trial, 2) for trial in range(1, 6)]
    assert told(method, 2, {5: 0.1, 1: 0.4, 2: 0.3, 3: 0.2}) == []
    assert method.waiting == 4
    why = "among the worst 2 of 5 after round 1"
    assert shape(told(method, 2, {4: 0.5})) == [
        Close(1, why), Close(4, why), Train(2, 4), Train(3, 4), Train(5, 4),
        (6, Parent(3, 2)), Train(6, 2), (7, Parent(5, 2)), Train(7, 2),
    ]  # fmt: skip
    # A survivor goes on from where it is; a clone counts its steps from its own start.
    assert told(method, 4, {2: 0.9, 3: 0.8, 5: 0.7}) == []
    why = "among the worst 2 of 5 after round 2"
    assert shape(told(method, 2, {7: 0.1, 6: 0.2}))[-4:] == [
        (8, Parent(6, 2)), Train(8, 2), (9, Parent(7, 2)), Train(9, 2)
    ]  # fmt: skip
    ends = told(method, 6, {5: 0.0}) + told(method, 4, {6: 0.0, 7: NAN}) + told(method, 2, {8: 0.0, 9: 0.1})
    assert ends == [Close(trial) for trial in (5, 6, 7, 8, 9)]
    assert method.finished


def test_failed_trials_are_replaced_first_and_all_of_them() -> None:
    method = population(4, 0.25)
    method.start()
    assert shape(told(method, 2, {1: None, 2: None, 3: 0.2, 4: 0.1})) == [
        Close(1), Close(2), Train(3, 4), Train(4, 4), (5, Parent(3, 2)), Train(5, 2), (6, Parent(4, 2)), Train(6, 2),
    ]  # fmt: skip


def test_survivors_have_several_clones_where_there_are_not_enough_of_them() -> None:
    method = population(4, 0.25)
    method.start()
    assert shape(told(method, 2, {1: None, 2: None, 3: None, 4: NAN}))[-6:] == [
        (5, Parent(4, 2)), Train(5, 2), (6, Parent(4, 2)), Train(6, 2), (7, Parent(4, 2)), Train(7, 2)
    ]  # fmt: skip


def test_a_population_of_which_nobody_is_left_is_over() -> None:
    method = population(2, 0.5)
    method.start()
    assert told(method, 2, {2: None, 1: None}) == [Close(2), Close(1)]
    assert method.finished


def test_a_fraction_means_the_number_that_was_written() -> None:
    assert 0.29 * 100 < 29
    assert population(100, 0.29, rounds=2).plan().trials == 129
    assert population(100, 0.0).plan().trials == 100


def test_the_plan_is_what_it_costs_when_nobody_fails() -> None:
    method = population(5, 0.4)
    plan = method.plan()
    assert [(rung.steps, rung.trials) for rung in plan.brackets[0]] == [(2, 5), (4, 5), (6, 5)]
    assert (plan.trials, plan.total_steps) == (9, 30)


def test_clones_have_hyperparameters_of_their_own_keyed_by_their_numbers() -> None:
    method = population(6, 0.5)
    first = [it.hparams for it in method.start() if isinstance(it, Create)]
    clones = [it for it in told(method, 2, {trial: float(trial) for trial in range(1, 7)}) if isinstance(it, Create)]
    assert [it.trial_id for it in clones] == [7, 8, 9]
    assert all(it.hparams not in first and it.hparams["layers"] == 2 for it in clones)
