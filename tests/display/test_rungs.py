"""Rungs as people see them: in the live table, in `describe`, and as the reason of an end."""

from __future__ import annotations

from typing import Any

from pedl.display.live import TOLD_S, LineView
from pedl.display.rungs import place_of, rung_lines
from tests.display.test_live import Watched, trial

BRACKETS = [
    {"rungs": [
        {"steps": 1, "trials": 8, "reached": 7, "promoted": 2},
        {"steps": 4, "trials": 2, "reached": 0, "promoted": 0},
    ]},
]  # fmt: skip


def placed(number: int, rung: int, **changes: Any) -> dict[str, Any]:
    return {**trial(number, **changes), "rung": {"bracket": 1, "rung": rung, "rungs": 2}}


def test_a_rung_tells_its_steps_and_how_many_came_and_went_on() -> None:
    told = rung_lines({"brackets": BRACKETS * 2})
    assert told == [f"Bracket {number}, steps: trials at each rung: 1: 7/8, 2 on; 4: 0/2" for number in (1, 2)]


def test_a_place_tells_the_rung_and_whose_clone_a_trial_is() -> None:
    assert place_of(placed(1, 2)) == "2/2"
    assert place_of({**placed(7, 1), "parent": {"trial_id": 3, "step": 2}}) == "1/2 from 3"
    assert place_of(trial(1)) == ""


def test_an_end_tells_why_the_search_stopped_the_trial() -> None:
    lines: list[str] = []
    stopped = {**placed(1, 1, state="COMPLETED"), "stopped": "not among the best 2 of 8 at rung 1 of 2 (step 1)"}
    watched = Watched(stopped)
    watched.described["brackets"] = BRACKETS
    LineView(write=lines.append).update(watched, last=True)
    assert lines[:1] == ["trial 7/1: COMPLETED: not among the best 2 of 8 at rung 1 of 2 (step 1)"]


def test_the_pause_between_looks_grows_with_what_a_look_costs() -> None:
    times = iter([0.0, 3.0, 62.0, 63.1, 66.1])
    view, watched = LineView(clock=lambda: next(times)), Watched(trial(1))
    for expected in (1, 1, 2):
        view.update(watched)
        assert watched.looks == expected


def test_lines_tell_each_promotion_once_after_the_validation_that_led_to_it() -> None:
    lines: list[str] = []
    view = LineView(write=lines.append)
    watched = Watched(placed(1, 1), {**placed(2, 2), "parent": {"trial_id": 1, "step": 1}})
    watched.described["brackets"] = BRACKETS
    view.update(watched, last=True)
    assert lines == []
    watched.described["trials"][0] = {
        **placed(1, 2, steps=2), "validation": [{"step": 1, "metrics": {"accuracy": 0.5}}],
    }  # fmt: skip
    for _ in range(2):
        view.update(watched, last=True)
    assert lines[1:] == [
        "trial 7/1: step 1/3 loss=1",
        "trial 7/1: validation at step 1/3 accuracy=0.5",
        "trial 7/1: goes on to rung 2/2, up to step 4",
        "trial 7/1: step 2/3 loss=0.5",
    ]


def test_lines_tell_a_promotion_of_a_clone_by_its_own_steps() -> None:
    lines: list[str] = []
    view = LineView(write=lines.append)
    watched = Watched(trial(1), {**placed(2, 2), "parent": {"trial_id": 1, "step": 1}})
    watched.described["brackets"] = [{"rungs": [{"steps": it, "trials": 2, "reached": 0} for it in (1, 2, 3)]}]
    view.update(watched, last=True)
    watched.described["trials"][1] = {**watched.described["trials"][1], "rung": {"bracket": 1, "rung": 3, "rungs": 3}}
    view.update(watched, last=True)
    assert lines == ["trial 7/2: goes on to rung 3/3, up to step 2"]


def test_lines_tell_how_far_a_search_is_now_and_then_though_no_trial_ends() -> None:
    now, lines = 0.0, list[str]()
    view = LineView(clock=lambda: now, write=lines.append)
    watched = Watched(trial(1))
    for now in range(int(4 * TOLD_S)):
        watched.batches = {1: now // 10}
        view.update(watched)
    assert lines == [
        f"0 of 1 trial done, 1 running, 0 waiting; 0 of 3 steps; about {left_min} min left" for left_min in (4, 4, 4)
    ]
