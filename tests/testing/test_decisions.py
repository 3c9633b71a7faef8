"""A configuration's search decides the same in any order of arrival; one that decides by arrival is told which."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pedl.errors import ConfigError
from pedl.search import SearchMethod, asha, best, make_search
from pedl.search.method import Close
from pedl.search.upfront import UpfrontSearch
from pedl.testing import assert_one_decision_log, decisions
from tests.search.schedules import SEARCHERS, SPACE

ROOT = Path(__file__).parents[2]


def config(name: str) -> dict[str, Any]:
    return {"searcher": {"metric": "loss", **SEARCHERS[name]}, "hyperparameters": SPACE}


@pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "optuna"])
def test_every_method_keeps_the_law(name: str) -> None:
    assert_one_decision_log(config(name), schedules=10)


def test_a_file_is_read_and_its_own_seed_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds: set[int] = set()

    def noting(searcher: Any, space: Any, seed: int) -> SearchMethod:
        seeds.add(seed)
        return make_search(searcher, space, seed)

    monkeypatch.setattr(decisions, "make_search", noting)
    assert_one_decision_log(ROOT / "examples" / "mnist" / "adaptive.yaml", schedules=5)
    assert_one_decision_log({**config("random"), "reproducibility": {"experiment_seed": 0}}, schedules=1)
    assert seeds == {42, 0}


def test_one_that_decides_by_arrival_fails_with_the_trial_and_both_decisions(monkeypatch: pytest.MonkeyPatch) -> None:
    def at_once(self: Any, trial_id: int, result: best.Rank | None) -> list[tuple[int, best.Rank | None]]:
        return [(trial_id, result)]

    monkeypatch.setattr(asha._InOrder, "add", at_once)
    with pytest.raises(
        AssertionError, match=r"asha decides by arrival: in schedule \d+ with \d workers, trial \d+ has"
    ):
        assert_one_decision_log(config("asha"))


def test_one_that_answers_a_repetition_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UpfrontSearch, "report", lambda self, trial_id, step, metric: [Close(trial_id)])
    monkeypatch.setattr(UpfrontSearch, "finished", False)
    with pytest.raises(AssertionError, match=r"in schedule \d+ .*(told again is followed by|nobody may train)"):
        assert_one_decision_log(config("random"), schedules=5)


def test_a_wrong_configuration_is_refused() -> None:
    with pytest.raises(ConfigError, match="max_trials"):
        assert_one_decision_log({"searcher": {"name": "random", "metric": "loss", "max_steps": 4}})
