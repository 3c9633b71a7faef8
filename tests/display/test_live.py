"""What runs is shown once and a few times a second: lines without a terminal, a table on one."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from pedl.display.board import Board, ranked
from pedl.display.live import REDRAW_S, LineView, TableView
from pedl.display.pace import Pace


def trial(number: int, state: str = "ACTIVE", steps: int = 0, value: Any = None) -> dict[str, Any]:
    return {
        "id": number, "state": state, "hparams": {"lr": 0.125 * number, "net": {"layers": 2}},
        "steps_completed": steps, "batches_completed": 10 * steps, "messages": [],
        "difference": None, "rung": None, "parent": None, "stopped": "",
        "training": [{"step": step, "metrics": {"loss": 1 / step}} for step in range(1, steps + 1)],
        "validation": [] if value is None else [{"step": steps, "metrics": {"accuracy": value}}],
    }  # fmt: skip


class Watched:
    def __init__(self, *trials: dict[str, Any], best: int | None = None) -> None:
        self.batches: dict[int, int] = {}
        self.looks = 0
        self.described = {
            "id": 7, "state": "ACTIVE", "experiment_seed": 42, "best_trial": best, "trials": list(trials),
            "brackets": [],
            "config": {
                "batches_per_step": 10,
                "searcher": {"metric": "accuracy", "smaller_is_better": False, "max_steps": 3},
                "hyperparameters": {
                    "lr": {"type": "log"}, "net": {"layers": {"type": "const", "val": 2}},
                },
            },
        }  # fmt: skip

    def describe(self) -> dict[str, Any]:
        self.looks += 1
        return self.described


def rendered(watched: Watched, rows: int = 5, width: int = 120, left_s: float | None = None) -> str:
    described, batches = watched.describe(), watched.batches
    progress = replace(Pace().look(described, batches, 0.0), left_s=left_s)
    output = io.StringIO()
    Console(file=output, width=width).print(Board(described, batches, progress, rows))
    return output.getvalue()


def test_lines_tell_each_step_validation_message_and_end_once() -> None:
    lines: list[str] = []
    view = LineView(write=lines.append)
    view.update(Watched(trial(1)), last=True)
    assert lines == []
    view.update(Watched(trial(1, steps=2)), last=True)
    view.update(Watched(trial(1, steps=2)), last=True)
    ended = trial(1, "COMPLETED", steps=3, value=0.75)
    ended["messages"] = ["restarted: killed"]
    view.update(Watched(ended), last=True)
    view.update(Watched(ended), last=True)
    assert lines == [
        "trial 7/1: trains with lr=0.125",
        "trial 7/1: step 1/3 loss=1",
        "trial 7/1: step 2/3 loss=0.5",
        "trial 7/1: step 3/3 loss=0.333333",
        "trial 7/1: validation at step 3/3 accuracy=0.75",
        "trial 7/1: restarted: killed",
        "trial 7/1: COMPLETED",
        "1 of 1 trial done, 0 running, 0 waiting; 3 of 3 steps",
    ]


def test_lines_come_in_the_order_of_the_steps_however_many_arrive_at_once() -> None:
    lines: list[str] = []
    several = trial(1, steps=3)
    several["validation"] = [{"step": step, "metrics": {"accuracy": 0.5}} for step in (1, 3)]
    LineView(write=lines.append).update(Watched(several), last=True)
    assert [" ".join(line.split()[2:5]) for line in lines[1:]] == [
        "step 1/3 loss=1", "validation at step", "step 2/3 loss=0.5", "step 3/3 loss=0.333333", "validation at step",
    ]  # fmt: skip


def test_what_happened_before_an_experiment_goes_on_is_not_told_again() -> None:
    lines: list[str] = []
    view = LineView(write=lines.append)
    view.start_from(Watched(trial(1, "COMPLETED", steps=3, value=0.5), trial(2, steps=1)))
    view.update(Watched(trial(1, "COMPLETED", steps=3, value=0.5), trial(2, steps=2)), last=True)
    assert lines == ["trial 7/2: step 2/3 loss=0.5"]


def test_an_experiment_is_looked_at_a_few_times_a_second_and_at_the_end() -> None:
    now = 0.0
    view, watched = LineView(clock=lambda: now, write=lambda line: None), Watched(trial(1))
    for tick in range(1000):
        now = tick * REDRAW_S / 100
        view.update(watched)
    assert 9 <= watched.looks <= 11
    view.update(watched, last=True)
    assert watched.looks <= 12


def test_trials_without_a_number_and_failed_ones_rank_last() -> None:
    trials = [trial(1, "ERROR", 1, 0.9), trial(2, "COMPLETED", 1, "NaN"), trial(3, "COMPLETED", 1, 0.1),
              trial(4, "COMPLETED", 1, 0.1), trial(5, "COMPLETED", 1, 0.2)]  # fmt: skip
    described = Watched(*trials).describe()
    assert [entry["id"] for entry in ranked(described, trials)] == [5, 3, 4, 2, 1]
    described["config"]["searcher"]["smaller_is_better"] = True
    assert [entry["id"] for entry in ranked(described, trials)][:3] == [3, 4, 5]
    trials += [trial(6, "COMPLETED", 1, "Infinity"), trial(7, "COMPLETED", 1, "-Infinity")]
    assert [entry["id"] for entry in ranked(described, trials)] == [7, 3, 4, 5, 6, 2, 1]


def test_a_terminal_gets_the_table() -> None:
    output = io.StringIO()
    watched = Watched(trial(1, steps=1))
    watched.batches = {1: 10}
    with TableView(Console(file=output, force_terminal=True, width=100, height=20)) as view:
        view.update(watched)
    assert "Experiment 7" in output.getvalue() and "7/1" in output.getvalue()


def test_a_trial_that_was_not_reproduced_is_shown_as_such():
    failed = {**trial(1, "ERROR", 1), "difference": {"cause": "data"}, "messages": ["ReproducibilityViolation: ..."]}
    lines: list[str] = []
    view = LineView(clock=iter(range(9)).__next__, write=lines.append)
    watched = Watched(failed)
    view.update(watched)
    assert lines[-3:-1] == ["trial 7/1: ReproducibilityViolation: ...", "trial 7/1: ERROR (not reproduced)"]
    assert "ERROR (not reproduced)" in rendered(watched, width=120)


@pytest.mark.parametrize("width", [40, 120])
def test_a_board_of_many_trials_and_brackets_fits_the_terminal(width: int) -> None:
    output = io.StringIO()
    watched = Watched(*({**trial(number), "rung": {"bracket": 1, "rung": 1, "rungs": 1}} for number in range(1, 500)))
    watched.described["brackets"] = 9 * [{"rungs": [{"steps": 3, "trials": 55, "reached": 0, "promoted": 0}]}]
    watched.batches = dict.fromkeys(range(1, 65), 7)
    with TableView(Console(file=output, force_terminal=True, width=width, height=24)) as view:
        view.update(watched)
        lines = output.getvalue().rstrip().splitlines()  # later the last frame is drawn over it once more
    assert 15 < len(lines) <= 24 and "499" in lines[-1]
