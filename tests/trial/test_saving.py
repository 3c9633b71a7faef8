"""When a checkpoint is due besides a trial's end and a pause."""

import pytest

from pedl.trial.saving import SavePolicy


def saves(policy, values, best=None, smaller_is_better=True, period=None):
    config = {
        "checkpoint_policy": policy,
        "min_checkpoint_period": period,
        "searcher": {"metric": "m", "smaller_is_better": smaller_is_better},
    }
    decide = SavePolicy(config, best)
    metrics = [None if value is None else {"m": value} for value in values]
    return [step for step, entry in enumerate(metrics, start=1) if decide.wants(step, entry)]


VALUES = [None, 0.5, 0.75, 0.5, 0.25, float("nan"), [0.1], 0.125]


@pytest.mark.parametrize(("policy", "expected"), [("best", [2, 5, 8]), ("all", [2, 3, 4, 5, 6, 7, 8]), ("none", [])])
def test_best_saves_what_is_better_than_all_before_and_all_every_validation(policy, expected):
    assert saves(policy, VALUES) == expected


def test_large_can_be_good_and_what_was_known_before_counts():
    assert saves("best", VALUES, smaller_is_better=False) == [2, 3]
    assert saves("best", VALUES, best=0.25) == [8]


def test_the_period_comes_on_top_of_any_policy():
    assert saves("none", VALUES, period=3) == [3, 6]
    assert saves("best", VALUES, period=4) == [2, 4, 5, 8]
