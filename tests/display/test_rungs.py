"""Rungs as people see them: in the live table, in `describe`, and as the reason of an end."""

from __future__ import annotations

from typing import Any

from pedl.display.live import LineView
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
