"""What is left is estimated from what was watched, counts what will not be trained, and is told as an estimate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pedl.display.pace import Pace, left_words, planned_steps, target_of
from pedl.experiment import create_experiment
from tests.display.test_live import Watched, trial
from tests.display.test_rungs import BRACKETS, placed
from tests.experiment.fake_executor import FakeExecutor


def look(pace: Pace, now_s: float, *trials: dict[str, Any], **batches: int) -> float | None:
    watched = Watched(*trials)
    return pace.look(watched.described, {int(name[1:]): count for name, count in batches.items()}, now_s).left_s


def test_the_time_before_the_first_batch_is_no_pace() -> None:
    pace = Pace()
    assert look(pace, 0.0, trial(1), trial(2)) is None
    assert look(pace, 100.0, trial(1), trial(2), t1=10) is None
    # In ten seconds another step of ten batches; four of the six are left.
    assert look(pace, 110.0, trial(1), trial(2), t1=20) == pytest.approx(40.0)


def test_where_nothing_runs_there_is_nothing_to_estimate() -> None:
    pace = Pace()
    look(pace, 0.0, trial(1), trial(2))
    look(pace, 1.0, trial(1), trial(2), t1=10)
    assert look(pace, 50.0, trial(1, "PAUSED", steps=2), trial(2, "PAUSED")) is None


def test_what_was_done_before_the_experiment_was_activated_is_no_pace() -> None:
    pace = Pace()
    look(pace, 0.0, trial(1, steps=2), trial(2))
    look(pace, 1.0, trial(1, steps=2), trial(2), t1=21)
    assert look(pace, 11.0, trial(1, steps=2), trial(2), t1=26) == pytest.approx((4 - 0.6) * 20)


def test_the_steps_of_a_trial_that_failed_are_not_waited_for() -> None:
    pace = Pace()
    look(pace, 0.0, trial(1), trial(2))
    look(pace, 1.0, trial(1), trial(2), t1=1)
    left = look(pace, 11.0, trial(1, "ERROR", steps=1), trial(2), t2=1)
    assert left == pytest.approx(2.9 * 10.0)


def test_a_search_with_rungs_costs_what_its_rungs_do() -> None:
    described = Watched(placed(1, 1), {**placed(2, 2), "parent": {"trial_id": 1, "step": 1}}).described
    described["brackets"] = BRACKETS * 2
    assert planned_steps(described) == 2 * (8 * 1 + 2 * 3)
    assert [target_of(described, it) for it in described["trials"]] == [1, 3]
    assert Pace().look(described, {}, 0.0).words() == ["0 of about 28 steps"]


def test_more_trials_on_a_rung_than_were_planned_leave_those_that_wait_to_be_trained() -> None:
    trials = [placed(number, 2, state="COMPLETED", steps=4) for number in range(1, 6)]
    pace = Pace()
    for now_s, batches in ((0.0, 0), (1.0, 1), (11.0, 6)):
        described = Watched(*trials, placed(6, 1), placed(7, 2, steps=1)).described
        described["brackets"] = BRACKETS
        progress = pace.look(described, {7: 10 + batches}, now_s)
    assert progress.words() == ["21 of about 25 steps", "about 70 s left"]  # 3.4 at half a step in 10 s


def test_trials_that_are_still_to_be_suggested_are_planned() -> None:
    described = Watched(trial(1)).described
    described["config"]["searcher"]["max_trials"] = 7
    assert planned_steps(described) == 21


@pytest.mark.parametrize(
    ("left_s", "words"),
    [(4, "a few seconds left"), (52, "about 50 s left"), (96, "about 2 min left"), (5_400, "about 90 min left"),
     (20_000, "about 6 h left"), (400_000, "about 5 days left")],
)  # fmt: skip
def test_a_time_has_the_precision_of_an_estimate(left_s: float, words: str) -> None:
    assert left_words(left_s) == words


SEARCHES: list[dict[str, Any]] = [
    {"name": "random", "max_steps": 3, "max_trials": 3},
    {"name": "adaptive_simple", "max_steps": 16, "max_trials": 12},
    {"name": "asha", "max_steps": 16, "max_trials": 12},
    {"name": "pbt", "population_size": 4, "num_rounds": 3, "steps_per_round": 2,
     "replace_function": {"truncate_fraction": 0.25},
     "explore_function": {"resample_probability": 0.2, "perturb_factor": 0.2}},
]  # fmt: skip


@pytest.mark.parametrize("searcher", SEARCHES, ids=lambda it: it["name"])
def test_at_the_end_of_a_search_all_that_was_planned_is_done(searcher: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "model_def.py").write_text("x = 1\n")
    space = {"units": {"type": "int", "minval": 1, "maxval": 9}}
    config = {"searcher": {**searcher, "metric": "accuracy"}, "hyperparameters": space, "batches_per_step": 2}
    made = create_experiment(config, tmp_path / "model_def.py", tmp_path / "home", 3, FakeExecutor())
    made.run(workers=2)
    described = made.describe()
    progress = Pace().look(described, {}, 0.0)
    # Where few are compared, a trial more may go on than was planned.
    assert progress.done >= planned_steps(described) and progress.left_s is None
    assert all(it["steps_completed"] == target_of(described, it) for it in described["trials"])
