"""Samplers of Optuna: asked and told in the order of trial numbers, with the lag that the configuration says."""

from __future__ import annotations

import importlib.util
import re
import sys
from typing import Any

import pytest

from pedl.config import parse_config
from pedl.errors import ConfigError, InputError, PedlError
from pedl.search import Close, Create, Operation, Train, make_search, preview
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
    with pytest.raises(InputError, match=r"pip install 'optuna>=[\d.]+'$"):
        preview(config)


@pytest.mark.parametrize(
    ("sampler", "package"),
    [("CmaEsSampler", "cmaes"), ("QMCSampler", "scipy"), ("GPSampler", "scipy"), ("GPSampler", "torch")],
)
def test_without_a_package_of_the_samplers_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, sampler: str, package: str
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else object())
    told = f"{sampler} needs {package}, which is not installed here.\nInstall what it needs with: pip install {package}"
    with pytest.raises(InputError, match=re.escape(told)):
        search(FIELDS, sampler={"name": sampler})


def test_a_space_that_a_sampler_cannot_take_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"searcher\.sampler: found BruteForceSampler, expected one that can suggest from"
    ):
        hparams({}, sampler={"name": "BruteForceSampler"})


COLORS = {"color": {"type": "categorical", "vals": ["red", "blue"]}}
GRID = {
    "activation": [0, 2], "optimizer.lr": [-2, -1.5], "rate": [0.0], "units": [8],
}  # fmt: skip


def followed(sampler: dict[str, Any], space: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    """Trains what is asked for in order until the search is over; returns what was suggested."""
    config = parse_config(
        {"searcher": {"metric": "loss", **FIELDS, "sampler": sampler, **changes}, "hyperparameters": space}
    )
    method = make_search(config.searcher, config.hyperparameters, 42)
    operations, suggested = method.start(), []
    while operations:
        operation = operations.pop(0)
        if isinstance(operation, Create):
            suggested.append(operation.hparams)
        elif isinstance(operation, Train):
            operations += method.report(operation.trial_id, 2, 0.5)
    assert method.finished and method.waiting == 0
    return suggested


@pytest.mark.parametrize("max_trials", [2, 9])
def test_a_sampler_that_has_suggested_all_there_is_ends_the_search(max_trials: int) -> None:
    found = followed({"name": "BruteForceSampler"}, COLORS, lag=1, max_trials=max_trials)
    assert sorted(it["color"] for it in found) == ["blue", "red"]


def test_a_grid_has_positions_for_categoricals_and_exponents_for_logs() -> None:
    found = followed({"name": "GridSampler", "search_space": GRID}, SPACE, lag=1, max_trials=9)
    points = sorted((str(it["activation"]), it["optimizer"]["lr"]) for it in found)
    assert points == [
        ("None", 10**-2),
        ("None", pytest.approx(10**-1.5)),
        ("relu", 10**-2),
        ("relu", pytest.approx(10**-1.5)),
    ]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"optimizer.lr": [-2, 0.01]}, "search_space: found 0.01 for optimizer.lr, expected numbers in -4.0 .. -1.0"),
        ({"activation": [0, "elu"]}, "search_space: found 'elu' for activation, expected whole numbers in 0 .. 2"),
        ({"activation": [0, 3]}, "search_space: found 3 for activation, expected whole numbers in 0 .. 2"),
        ({"units": []}, "search_space: found nothing for units, expected whole numbers in 1 .. 64"),
        ({"units": 3}, "searcher.sampler: found "),
    ],
)
def test_a_grid_outside_of_the_space_is_refused_before_anything_is_asked(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        search(FIELDS, sampler={"name": "GridSampler", "search_space": {**GRID, **changed}})


@pytest.mark.parametrize("stage", ["sample_independent", "after_trial"])
def test_what_a_sampler_raises_later_is_told_with_its_name(stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    method = search(FIELDS, lag=1, sampler={"name": "RandomSampler"})
    method.start()

    def broken(*_: Any) -> None:
        raise OSError("no more numbers")

    monkeypatch.setattr(optuna.samplers.RandomSampler, stage, broken)
    with pytest.raises(PedlError, match=r"RandomSampler of Optuna .*trial 1: OSError: no more numbers") as caught:
        method.report(1, 2, 0.5)
    assert not isinstance(caught.value, ConfigError) and "run this again" in str(caught.value)


def test_an_argument_that_only_python_could_give_is_refused_at_the_start() -> None:
    sampler = {"name": "PartialFixedSampler", "fixed_params": {}, "base_sampler": {"name": "TPESampler"}}
    with pytest.raises(ConfigError, match=r"searcher\.sampler: found PartialFixedSampler, .*AttributeError: 'dict'"):
        search(FIELDS, sampler=sampler).start()
