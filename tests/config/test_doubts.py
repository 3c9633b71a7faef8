"""What is probably meant otherwise is told, and what is written out is not."""

from __future__ import annotations

from typing import Any

import pytest

from pedl.config import doubts_about, parse_config


def doubts(space: dict[str, Any] | None = None, **searcher: Any) -> list[str]:
    config = {"name": "single", "max_steps": 1, "metric": "loss", **searcher}
    return doubts_about(parse_config({"searcher": config, "hyperparameters": space or {}}))


@pytest.mark.parametrize("metric", ["accuracy", "val_acc", "Accuracy", "f1", "macro-recall", "mean iou", "R2"])
def test_a_metric_of_which_more_is_better_asks_for_the_direction(metric: str) -> None:
    (told,) = doubts(metric=metric)
    assert told.startswith(f"searcher.metric: the smallest {metric} is searched for")
    assert "write false" in told
    assert doubts(metric=metric, smaller_is_better=True) == doubts(metric=metric, smaller_is_better=False) == []


@pytest.mark.parametrize("metric", ["loss", "mae", "dice_loss", "accuracy_error", "race", "spaced"])
def test_other_metrics_do_not(metric: str) -> None:
    assert doubts(metric=metric) == []


def test_a_complete_configuration_is_meant_and_one_in_test_mode_is_not_complete() -> None:
    config = parse_config({"searcher": {"name": "single", "max_steps": 1, "metric": "accuracy"}})
    assert doubts_about(parse_config(config.to_dict())) == []
    assert len(doubts_about(config.in_test_mode())) == 1


def test_bounds_that_look_like_values_are_told_with_the_exponents_that_mean_them() -> None:
    rate = {"type": "log", "base": 10, "minval": 1e-4, "maxval": 1e-1}
    assert doubts({"sgd": {"lr": rate}}) == [
        "hyperparameters.sgd.lr: values lie between 1.00023 and 1.25893: minval and maxval are exponents; write -4 and "
        "-1 for 0.0001 and 0.1"
    ]
    assert doubts({"lr": {**rate, "minval": -4, "maxval": -1}}) == doubts({"lr": {**rate, "maxval": 1}}) == []
