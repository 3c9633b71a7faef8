"""Every search gives one decision log for any order of arrival, any number of workers, repetitions and crashes."""

from __future__ import annotations

import heapq
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.config import parse_config
from pedl.search import asha, best, halving, make_search, pbt
from pedl.search.method import Operation
from pedl.testing import schedules
from tests.search.schedules import SEARCHERS, SPACE, World, one_decision_log, undisturbed

each_searcher = pytest.mark.parametrize("name", SEARCHERS)


@each_searcher
@given(seed=st.integers(0, 2**40))
@settings(max_examples=30, deadline=None)
def test_any_schedule_gives_one_decision_log(name: str, seed: int) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    one_decision_log(SEARCHERS[name], seed)


FINITE = {"units": {"type": "int", "minval": 1, "maxval": 3}, "color": {"type": "categorical", "vals": ["red", "blue"]}}
SAMPLERS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": "BruteForceSampler"}, FINITE),
    ({"name": "GridSampler", "search_space": {"units": [1, 2, 3], "color": [0, 1]}}, FINITE),
    ({"name": "RandomSampler"}, SPACE),
    ({"name": "NSGAIISampler", "population_size": 3}, SPACE),
    ({"name": "NSGAIIISampler", "population_size": 3}, SPACE),
    ({"name": "QMCSampler"}, SPACE),
    ({"name": "CmaEsSampler"}, SPACE),
]


@pytest.mark.parametrize(("sampler", "space"), SAMPLERS, ids=[sampler["name"] for sampler, _ in SAMPLERS])
def test_any_sampler_of_optuna_keeps_the_law(sampler: dict[str, Any], space: dict[str, Any]) -> None:
    pytest.importorskip("optuna")
    from pedl.search.suggested import PACKAGES

    for package in PACKAGES.get(sampler["name"], ()):
        pytest.importorskip(package)
    fields = {**SEARCHERS["optuna"], "metric": "loss", "max_trials": 12, "sampler": sampler}
    config = parse_config({"searcher": fields, "hyperparameters": space})
    for seed in range(8):
        schedules.one_decision_log(lambda: make_search(config.searcher, config.hyperparameters, 42), seed)


@pytest.mark.soak
@each_searcher
def test_ten_thousand_schedules_give_one_decision_log(name: str) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    for seed in range(10_000):
        one_decision_log(SEARCHERS[name], seed)


class Tied(tuple):  # type: ignore[type-arg]
    """A rank without its tie-break: results of equal metrics are equal, and heaps and sorts keep them as they came."""

    def __lt__(self, other: Any) -> bool:
        return bool(self[:2] < other[:2])

    def __gt__(self, other: Any) -> bool:
        return bool(self[:2] > other[:2])


def missed(name: str, tries: int = 200) -> None:
    """Sees the law fail within so many schedules."""
    for seed in range(tries):
        try:
            one_decision_log(SEARCHERS[name], seed)
        except (AssertionError, KeyError):
            return
    pytest.fail("the law holds although the mechanism behind it was cut")


@pytest.mark.parametrize("name", ["async_halving", "adaptive", "adaptive_simple", "pbt"])
def test_without_the_tie_break_the_first_to_arrive_wins(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rank, reverse = best.rank, best._reversed
    for module in (halving, pbt):
        monkeypatch.setattr(module, "rank", lambda *arguments: Tied(rank(*arguments)))
    monkeypatch.setattr(best, "_reversed", lambda result: Tied(reverse(result)))
    missed(name)


def test_without_the_commit_in_order_asha_decides_by_arrival(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(self: Any, trial_id: int, result: best.Rank | None) -> list[tuple[int, best.Rank | None]]:
        return [(trial_id, result)]

    monkeypatch.setattr(asha._InOrder, "add", at_once)
    missed("asha")


@pytest.mark.parametrize("name", ["async_halving", "adaptive", "adaptive_simple"])
def test_promoting_before_it_is_certain_is_missed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As arrival-order ASHA does: whoever is best so far goes on, while there is room."""

    def hasty(self: best.BestOf, result: best.Rank) -> tuple[list[best.Rank], list[best.Rank]]:
        self._missing -= 1
        heapq.heappush(self._undecided, result)
        gone = [heapq.heappop(self._undecided)] if len(self._in_reach) < self._best else []
        self._in_reach += gone
        return gone, [] if self._missing else self._undecided

    monkeypatch.setattr(best.BestOf, "add", hasty)
    missed(name)


def test_a_population_that_does_not_wait_for_all_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    next_round = pbt.PbtSearch._next_round

    def racing(self: pbt.PbtSearch, alive: list[int], failed: int) -> list[Operation]:
        self._arrived = [trial_id for trial_id in self._order if trial_id in alive]  # type: ignore[attr-defined]
        return next_round(self, self._arrived, failed)  # type: ignore[attr-defined]

    arrives = pbt.PbtSearch._arrives

    def noting(self: pbt.PbtSearch, result: best.Rank) -> list[Operation]:
        self.__dict__.setdefault("_order", []).append(result[2])
        return arrives(self, result)

    monkeypatch.setattr(pbt.PbtSearch, "_next_round", racing)
    monkeypatch.setattr(pbt.PbtSearch, "_arrives", noting)
    missed("pbt")


def test_a_sampler_that_is_told_by_arrival_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    optuna = pytest.importorskip("optuna")
    from pedl.search.suggested import OptunaSearch

    def by_arrival(self: OptunaSearch) -> list[Operation]:
        ((arrived, value),) = self._results.items()
        self._results.clear()
        failed = optuna.trial.TrialState.FAIL if value is None else None
        self._study.tell(self._asked.pop(arrived), value, state=failed)
        self._told += 1
        return self._ask()

    monkeypatch.setattr(OptunaSearch, "_tell_and_ask", by_arrival)
    missed("optuna")


@each_searcher
def test_the_schedules_do_meet_ties_nan_and_failures(name: str) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    world = World(3, values=3, nan=0.2, failures=0.2)
    trials = undisturbed(SEARCHERS[name], world)
    results = [world.result(trial_id, 1) for trial_id in range(1, 40)]
    assert {None, 0.0, 1.0, 2.0} <= set(results) and any(value is not None and value != value for value in results)
    assert len(trials) >= 6
