"""The shapes of halving, and the smallest configuration that gives each bracket a trial."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedl.config import parse_config
from pedl.config.brackets import asha_rungs, brackets, cost
from pedl.errors import ConfigError
from pedl.search import preview


def config(**searcher: Any) -> Any:
    return parse_config({"searcher": {"metric": "loss", **searcher}})


def shapes(**searcher: Any) -> str:
    """Returns the brackets as `steps:trials` of each rung."""
    found = brackets(config(**searcher).searcher)
    return " + ".join(" ".join(f"{rung.steps}:{rung.trials}" for rung in bracket) for bracket in found)


ADAPTIVE = {"name": "adaptive", "max_rungs": 3, "target_trial_steps": 16, "step_budget": 160}
HALVING = {"name": "async_halving", "num_rungs": 4, "target_trial_steps": 800, "step_budget": 480}
SIMPLE = {"name": "adaptive_simple", "max_steps": 64, "max_trials": 16}


@pytest.mark.parametrize(
    ("searcher", "expected"),
    [
        (HALVING, "12:11 50:2 200:1 800:1"),
        ({**ADAPTIVE, "mode": "aggressive"}, "1:64 4:16 16:4"),
        ({**ADAPTIVE, "mode": "standard"}, "1:32 4:8 16:2 + 4:11 16:2"),
        ({**ADAPTIVE, "mode": "conservative"}, "1:21 4:5 16:1 + 4:7 16:1 + 16:3"),
        (SIMPLE, "1:6 2:1 4:1 16:1 64:1 + 1:5 4:1 16:1 64:1 + 4:5 16:1 64:1"),
        ({**ADAPTIVE, "bracket_rungs": [1, 3]}, "1:32 4:8 16:2 + 16:5"),
        ({**ADAPTIVE, "bracket_rungs": [2, 2], "divisor": 2.5}, "6:7 16:3 + 6:7 16:3"),
        ({**SIMPLE, "max_trials": 1, "max_rungs": 3, "mode": "conservative"}, "4:1 16:1 64:1 + 16:1 64:1 + 64:1"),
    ],
)
def test_the_shapes_are_those_of_the_papers_scaled_to_the_budget(searcher: dict[str, Any], expected: str) -> None:
    assert shapes(**searcher) == expected
    if searcher["name"] != "adaptive_simple":
        return
    assert preview(config(**searcher))["trials"] >= searcher["max_trials"]


def test_a_preview_tells_what_each_bracket_and_all_of_them_cost() -> None:
    shown = preview(config(**ADAPTIVE))
    assert shown["brackets"] == [
        {
            "rungs": [{"steps": 1, "trials": 32}, {"steps": 4, "trials": 8}, {"steps": 16, "trials": 2}],
            "trials": 32,
            "total_steps": 32 + 3 * 8 + 12 * 2,
        },
        {
            "rungs": [{"steps": 4, "trials": 11}, {"steps": 16, "trials": 2}],
            "trials": 11,
            "total_steps": 4 * 11 + 12 * 2,
        },
    ]
    assert (shown["trials"], shown["total_steps"], shown["exact"]) == (43, 148, True)


def test_a_preview_of_asha_is_an_estimate_and_says_so() -> None:
    shown = preview(config(name="asha", max_steps=64, max_trials=16, max_rungs=3))
    (bracket,) = shown["brackets"]
    assert bracket["rungs"] == [{"steps": 4, "trials": 16}, {"steps": 16, "trials": 4}, {"steps": 64, "trials": 1}]
    assert not shown["exact"]


def refused(told: str, **searcher: Any) -> None:
    with pytest.raises(ConfigError, match=re.escape(told)):
        config(**searcher)


def test_a_bracket_without_trials_is_refused_with_the_smallest_budget_that_works() -> None:
    refused(
        "searcher.step_budget: found 40, expected at least 41, so that the bracket", **{**HALVING, "step_budget": 40}
    )
    assert shapes(**{**HALVING, "step_budget": 41}) == "12:1 50:1 200:1 800:1"
    refused(
        "found 31, expected at least 32, so that each of the 2",
        **{**ADAPTIVE, "step_budget": 31, "bracket_rungs": [1, 1]},
    )
    assert shapes(**{**ADAPTIVE, "step_budget": 32, "bracket_rungs": [1, 1]}) == "16:1 + 16:1"


def test_fewer_steps_than_rungs_are_refused_with_the_smallest_number_that_works() -> None:
    for searcher in (SIMPLE, {"name": "asha", "max_trials": 3}):
        refused("searcher.max_steps: found 4, expected at least 5", **{**searcher, "max_steps": 4})
    refused("searcher.target_trial_steps: found 3, expected at least 4", **{**HALVING, "target_trial_steps": 3})
    assert [rung.steps for rung in asha_rungs(config(name="asha", max_trials=3, max_steps=5).searcher)] == [
        1,
        2,
        3,
        4,
        5,
    ]


@given(
    rungs=st.integers(1, 8),
    target=st.integers(1, 2000),
    budget=st.integers(1, 5000),
    divisor=st.sampled_from([2, 2.5, 3, 4]),
)
def test_every_bracket_that_is_not_refused_has_trials_and_longer_rungs(
    rungs: int, target: int, budget: int, divisor: float
) -> None:
    fields = {"name": "async_halving", "num_rungs": rungs, "target_trial_steps": target, "divisor": divisor}
    try:
        (bracket,) = brackets(config(**fields, step_budget=budget).searcher)
    except ConfigError as error:
        found = re.search(r"(step_budget|target_trial_steps): found \d+, expected at least (\d+)", str(error))
        assert found is not None
        if found[1] == "step_budget":
            smallest = int(found[2])
            assert budget < smallest and config(**fields, step_budget=smallest)
            refused("expected at least", **fields, step_budget=smallest - 1)
        return
    assert bracket[-1].steps == target
    assert all(
        one.steps < other.steps and one.trials >= other.trials >= 1 for one, other in itertools.pairwise(bracket)
    )
    assert cost(bracket) >= target
