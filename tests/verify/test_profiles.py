"""Trials that were recorded with other numeric profiles: each is told its own differences, and no others."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from pedl.experiment import Experiment
from pedl.verify import ProfileDifference, Verification, verify_experiment
from pedl.verify.certificate import certificate
from tests.experiment.fake_executor import PROFILE, FakeExecutor, Script
from tests.verify.test_verifying import ran, rewrite

HERE = PROFILE["instruction_set"]
ELSEWHERE = ["X86_V4"]


def recorded_elsewhere(one: Experiment, *trial_ids: int) -> None:
    for trial_id in trial_ids:
        rewrite(one.home, "started", lambda it: it["numeric_profile"].update(instruction_set=ELSEWHERE), trial_id)


def other_results(one: Experiment, trial_id: int) -> None:
    rewrite(one.home, "step", lambda it: it["metrics"].update(loss=0.5), trial_id)


def causes(found: Verification) -> dict[int, str]:
    return {it.trial_id: it.difference.cause for it in found.trials if it.difference is not None}


def test_a_profile_that_was_accepted_later_is_compared_too(experiment: Any) -> None:
    one = ran(experiment)
    recorded_elsewhere(one, 2, 3)
    told: list[Any] = []
    found = verify_experiment(one, on_change=told.append)
    assert isinstance(told[0], ProfileDifference) and found.identical
    (it,) = found.profile_differences
    assert told[0] == it
    assert (it.trial_ids, it.entry, it.recorded, it.found) == ((2, 3), "instruction_set", ELSEWHERE, HERE)
    assert 'The numeric profile differs in instruction_set: ["X86_V4"] when trials 2 to 3 were recorded' in str(found)
    noon = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)
    assert certificate(found, noon, noon)["machine"]["numeric_profile_as_recorded"] is False


def test_a_trial_is_not_blamed_on_the_profile_of_another(experiment: Any) -> None:
    one = ran(experiment)
    recorded_elsewhere(one, 1)
    for trial_id in (1, 3):
        other_results(one, trial_id)
    assert causes(verify_experiment(one)) == {1: "instruction set", 3: "operation"}


@pytest.mark.parametrize("now", [HERE, ELSEWHERE], ids=["where it began", "where it went on"])
def test_all_profiles_that_a_trial_was_trained_with_are_compared(experiment: Any, now: list[str]) -> None:
    executor = FakeExecutor()
    one = experiment(executor)

    def pausing(running: Experiment) -> None:
        if running.describe()["trials"][0]["steps_completed"] == 2:
            one.home.request(1, "pause", {})

    one.run(workers=1, on_change=pausing)
    executor.script = Script(profile={**PROFILE, "instruction_set": ELSEWHERE})
    one.run(workers=1, accept_profile_change=True)
    assert one.state == "COMPLETED"

    executor.script = Script(profile={**PROFILE, "instruction_set": now})
    other_results(one, 1)
    found = verify_experiment(one)
    assert causes(found) == {1: "instruction set"}
    (it,) = found.profile_differences
    there, trials = (ELSEWHERE, (1, 2, 3)) if now == HERE else (HERE, (1,))
    assert (it.recorded, it.found, it.trial_ids) == (there, now, trials)


def test_types_that_only_the_model_definition_tells_are_in_the_result(experiment: Any) -> None:
    executor = FakeExecutor(script=Script(profile={**PROFILE, "dtype_policy": "float32"}))
    one = ran(experiment, executor)
    rewrite(one.home, "started", lambda it: it["numeric_profile"].update(dtype_policy="float16"), trial_id=2)
    other_results(one, 2)
    found = verify_experiment(one)
    assert causes(found) == {2: "versions"}
    assert [(it.entry, it.recorded, it.trial_ids) for it in found.profile_differences] == [
        ("dtype_policy", "float16", (2,))
    ]


def test_an_error_that_was_not_recorded_does_not_come_from_the_processor(experiment: Any) -> None:
    executor = FakeExecutor()
    one = ran(experiment, executor)
    recorded_elsewhere(one, 1, 2, 3)
    executor.script.fails = {1: (3, "code"), 2: (3, "data"), 3: (1, "definition")}
    assert causes(verify_experiment(one)) == dict.fromkeys((1, 2, 3), "failure")


def test_an_error_that_does_not_come_again_does_not_come_from_the_processor(experiment: Any) -> None:
    executor = FakeExecutor(script=Script(fails={2: (3, "code")}))
    one = ran(experiment, executor)
    recorded_elsewhere(one, 1, 2, 3)
    executor.script.fails = {}
    assert causes(verify_experiment(one)) == {2: "failure"}


def test_a_nan_at_another_place_may_come_from_the_processor(experiment: Any) -> None:
    executor = FakeExecutor(script=Script(fails={2: (4, "nan")}))
    one = ran(experiment, executor)
    executor.script.fails = {2: (3, "nan")}
    assert causes(verify_experiment(one)) == {2: "failure"}
    recorded_elsewhere(one, 2)
    assert causes(verify_experiment(one)) == {2: "instruction set"}
