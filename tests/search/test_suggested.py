"""Samplers of Optuna: asked and told in the order of trial numbers, with the lag that the configuration says."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest

from pedl.config import parse_config
from pedl.errors import ConfigError, InputError
from pedl.search import Close, Create, Operation, Train, preview
from tests.search.schedules import SEARCHERS, SPACE, search

optuna = pytest.importorskip("optuna")

FIELDS = {**SEARCHERS["optuna"], "max_trials": 4}


def kinds(operations: list[Operation]) -> list[Any]:
    return [it.trial_id if isinstance(it, Create) else it for it in operations]


def test_a_trial_is_suggested_once_all_but_the_last_lag_are_told() -> None:
    method = search(FIELDS, lag=2)
    assert kinds(method.start()) == [1, Train(1, 2), 2, Train(2, 2)]
    assert method.waiting == 2
    assert kinds(method.report(2, 2, 0.5)) == [Close(2)]
    assert kinds(method.report(1, 2, 0.5)) == [Close(1), 3, Train(3, 2), 4, Train(4, 2)]
    assert method.fail(3) == [Close(3)]
    assert method.report(4, 2, float("nan")) == [Close(4)]
    assert method.finished and method.waiting == 0


def hparams(results: dict[int, float], **changes: Any) -> list[dict[str, Any]]:
    """Returns what is suggested one after the other."""
    method = search(FIELDS, lag=1, **changes)
    operations, suggested = method.start(), []
    while operations:
        (created,) = [it for it in operations if isinstance(it, Create)]
        suggested.append(created.hparams)
        operations = method.report(created.trial_id, 2, results.get(created.trial_id, 1.0))[1:]
    return suggested


def test_suggestions_depend_on_results_direction_sampler_and_seed_and_on_nothing_else() -> None:
    usual = hparams({1: 0.1, 2: 0.2})
    assert hparams({1: 0.1, 2: 0.2}) == usual
    others = [
        hparams({1: 0.2, 2: 0.1}),
        hparams({1: 0.1, 2: 0.2}, smaller_is_better=False),
        hparams({1: 0.1, 2: 0.2}, experiment_seed=43),
        hparams({1: 0.1, 2: 0.2}, sampler={"name": "RandomSampler"}),
    ]
    assert all(other != usual for other in others)


def test_what_is_suggested_lies_in_the_space_and_can_be_held_by_json() -> None:
    for found in hparams({}):
        assert 1 <= found["units"] <= 64 and type(found["units"]) is int
        assert 1e-4 <= found["optimizer"]["lr"] <= 0.1 and type(found["optimizer"]["lr"]) is float
        assert found["activation"] in SPACE["activation"]["vals"] and found["layers"] == 2


@pytest.mark.parametrize(
    ("sampler", "told"),
    [
        ({"name": "TPESamplr"}, "searcher.sampler.name: found 'TPESamplr', expected one of .*TPESampler"),
        (
            {"name": "TPESampler", "startup": 3},
            r"searcher.sampler: found .*startup.*, expected arguments of TPESampler: ",
        ),
    ],
)
def test_a_sampler_that_optuna_does_not_have_is_refused_by_name(sampler: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        search(FIELDS, sampler=sampler)


def test_a_seed_of_the_users_own_wins() -> None:
    own = [hparams({}, experiment_seed=seed, sampler={"name": "RandomSampler", "seed": 1}) for seed in (1, 2)]
    assert own[0] == own[1]


def test_without_optuna_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pedl.search.suggested", raising=False)
    monkeypatch.setitem(sys.modules, "optuna", None)
    config = parse_config({"searcher": {"metric": "loss", **FIELDS}})
    with pytest.raises(InputError, match=re.escape("pip install 'pedl[optuna]'")):
        preview(config)


def test_a_space_that_a_sampler_cannot_take_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"searcher\.sampler: found BruteForceSampler, expected one that can suggest from"
    ):
        hparams({}, sampler={"name": "BruteForceSampler"})
