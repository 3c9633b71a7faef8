"""Halving: its decisions are those of rungs that are barriers, made earlier."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.config import parse_config
from pedl.config.brackets import brackets
from pedl.search import Close, Create, Train
from pedl.search.space import draw_hparams
from tests.search.schedules import SEARCHERS, SPACE, World, search, undisturbed

HALVING = ("async_halving", "adaptive", "adaptive_simple")


def barriers(fields: dict[str, Any], world: World) -> dict[int, list[int]]:
    """The textbook: all of a rung are trained, sorted, and the best go on. Returns the targets of each trial."""
    config = parse_config({"searcher": {"metric": "loss", **fields}, "hyperparameters": SPACE})
    targets: dict[int, list[int]] = {}
    for bracket in brackets(config.searcher):
        members = list(range(len(targets) + 1, len(targets) + 1 + bracket[0].trials))
        failed: set[int] = set()
        targets.update({trial: [] for trial in members})
        for rung, above in zip(bracket, [*bracket[1:], None], strict=True):
            order = []
            for trial in members:
                if trial not in failed:
                    targets[trial].append(rung.steps)
                result = None if trial in failed else world.result(trial, rung.steps)
                failed |= {trial} if result is None else set()
                kind = 2 if result is None else 1 if result != result else 0
                order.append((kind, result if kind == 0 else 0.0, trial))
            members = sorted(trial for *_, trial in sorted(order)[: above.trials if above else 0])
    return targets


@pytest.mark.parametrize("name", HALVING)
@given(seed=st.integers(0, 2**40), values=st.sampled_from([1, 3, 1000]), failures=st.sampled_from([0, 0.1, 0.5]))
@settings(max_examples=30, deadline=None)
def test_who_goes_on_is_who_would_go_on_if_rungs_were_barriers(
    name: str, seed: int, values: int, failures: float
) -> None:
    world = World(seed, values, failures=failures)
    decisions = undisturbed(SEARCHERS[name], world)
    found = {trial: [it.until_step for it in made if isinstance(it, Train)] for trial, made in decisions.items()}
    assert found == barriers(SEARCHERS[name], world)


BRACKET = {"name": "async_halving", "num_rungs": 2, "target_trial_steps": 4, "step_budget": 9}
"""Five trials of one step, of which one is trained for four."""


def test_a_trial_goes_on_and_is_stopped_as_soon_as_that_is_certain() -> None:
    method = search(BRACKET)
    operations = method.start()
    assert [it for it in operations if isinstance(it, Train)] == [Train(trial, 1) for trial in range(1, 6)]
    assert method.report(3, 1, 0.5) == []
    out = "not among the best 1 of 5 at rung 1 of 2 (step 1)"
    assert method.report(1, 1, 0.5) == [Close(3, out)], "equal, and its number is smaller"
    assert method.report(2, 1, float("nan")) == [Close(2, out)]
    assert method.fail(4) == [Close(4)]
    assert method.waiting == 1
    assert method.report(5, 1, 0.6) == [Close(5, out), Train(1, 4)]
    assert method.waiting == 0 and not method.finished
    assert method.report(1, 4, 9.0) == [Close(1)]
    assert method.finished


def test_the_place_of_a_failed_trial_stays_empty() -> None:
    method = search(BRACKET)
    method.start()
    for trial in (1, 2, 3, 4):
        assert Close(trial) in method.fail(trial)
    assert method.fail(5) == [Close(5)]
    assert method.finished


def test_larger_may_be_better() -> None:
    method = search(BRACKET, smaller_is_better=False)
    method.start()
    following = [method.report(trial, 1, float(trial)) for trial in range(1, 6)]
    assert Train(5, 4) in following[-1]


def test_trials_are_numbered_from_the_largest_bracket_on_and_drawn_by_number() -> None:
    operations = search(SEARCHERS["adaptive"]).start()
    created = [it for it in operations if isinstance(it, Create)]
    space = parse_config({"searcher": {"name": "single", "metric": "loss", "max_steps": 1}, "hyperparameters": SPACE})
    for number, it in enumerate(created, start=1):
        assert it == Create(number, draw_hparams(space.hyperparameters, 42, number))
    first = {it.trial_id: it.until_step for it in operations if isinstance(it, Train)}
    assert list(first.values()) == sorted(first.values())


@pytest.mark.parametrize("trial", [0, 6])
def test_a_trial_that_was_not_created_cannot_report(trial: int) -> None:
    method = search(BRACKET)
    method.start()
    with pytest.raises(ValueError, match=f"trial {trial} was not created; there are 5"):
        method.report(trial, 1, 0.5)
    with pytest.raises(ValueError, match=f"trial {trial} was not created"):
        method.fail(trial)
