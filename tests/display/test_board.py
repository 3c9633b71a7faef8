"""The board fits 40 columns and 120, breaks no line, and shows what runs, the best, and how many there are."""

from __future__ import annotations

import pytest

from pedl.display.notebook import experiment_line
from pedl.display.trials import trials_table
from tests.display.test_live import Watched, rendered, trial
from tests.display.test_rungs import BRACKETS, placed


def some(count: int = 5) -> Watched:
    """Two trials that are over, two that run, and others that wait."""
    waiting = [trial(number) for number in range(4, count + 1)]
    watched = Watched(
        trial(1, "COMPLETED", 3, 0.5), trial(2, "COMPLETED", 3, 0.75), trial(3, steps=1), *waiting, best=2
    )
    watched.batches = {3: 17, 4: 2}
    return watched


def test_what_runs_comes_first_then_the_best_as_many_as_fit() -> None:
    text = rendered(some(), rows=3)
    assert [line.split()[0] for line in text.splitlines() if line.startswith("7/")] == ["7/3", "7/4", "7/2"]
    assert "Experiment 7  ACTIVE  seed 42" in text
    assert "2 of 5 trials done, 2 running, 1 waiting; best: 7/2, accuracy 0.75" in text


def test_the_best_is_shown_however_few_rows_there_are() -> None:
    text = rendered(some(), rows=2)
    assert [line.split()[:2] for line in text.splitlines() if line.startswith("7/")][1] == ["7/2", "*"]


def test_the_board_of_120_columns() -> None:
    assert [line.rstrip() for line in rendered(some(), left_s=100.0).splitlines()] == [
        "Experiment 7  ACTIVE  seed 42",
        "\u2501" * 12 + "\u2578" + " " * 12 + "7 of 15 steps, about 2 min left",
        "Trial State     Steps accuracy Hyperparameters",
        "7/3   \u2501\u2501\u2501\u2501\u2501     1/3            lr=0.375",
        "7/4   \u2578         0/3            lr=0.5",
        "7/2 * COMPLETED 3/3   0.75     lr=0.25",
        "7/1   COMPLETED 3/3   0.5      lr=0.125",
        "2 of 5 trials done, 2 running, 1 waiting; best: 7/2, accuracy 0.75",
    ]


def test_the_board_of_40_columns() -> None:
    assert [line.rstrip() for line in rendered(some(), width=40, left_s=7000.0).splitlines()] == [
        "Experiment 7  ACTIVE  seed 42",
        "\u2501\u2501\u2501\u2501\u2578     7 of 15 steps",
        "about 2 h left",
        "Trial State     Steps accuracy",
        "7/3   \u2501\u2501\u2501\u2501\u2501     1/3",
        "7/4   \u2578         0/3",
        "7/2 * COMPLETED 3/3   0.75",
        "7/1   COMPLETED 3/3   0.5",
        "2/5 done, 2 running, 1 waiting",
        "best: 7/2, accuracy 0.75",
        "  lr=0.25",
    ]


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_broken_and_none_is_too_long_with_rungs_and_long_names(width: int) -> None:
    long = placed(1000, 2, state="COMPLETED", steps=4, value=0.123456789)
    long["stopped"] = "not among the best 1,000 of 10,000 at rung 1 of 2 (step 1)"
    long["hparams"] = {f"a_long_hyperparameter_{number}": "x" * 50 for number in range(9)}
    watched = Watched(*(placed(number, 1) for number in range(1, 1000)), long, best=1000)
    watched.described["brackets"] = BRACKETS * 9
    watched.described["config"]["searcher"]["metric"] = "a_metric_with_a_rather_long_name"
    watched.batches = {number: number for number in range(1, 1000)}
    lines = rendered(watched, rows=90, width=width, left_s=1e6).splitlines()
    assert all(len(line) <= width for line in lines)
    # Header, progress, column names, 24 trials, 4 brackets and that there are more, counts; below 72 columns the time
    # that is left and the best have lines of their own.
    assert len(lines) == 33 + 3 * (width < 72)
    assert "about 12 days left" in "".join(lines[1:3]) and any(line.startswith("7/1000 *") for line in lines)


@pytest.mark.parametrize("width", [40, 120])
def test_no_line_is_broken_by_a_value_or_a_name_of_several_lines(width: int) -> None:
    odd, plain = trial(1, "COMPLETED", 1, 0.5), trial(1, "COMPLETED", 1, 0.5)
    odd["hparams"] = {"lr": "x\ny", "a\r\nb": 1, "\x85": "\u2028"}
    watched = Watched(odd, best=1)
    watched.described["config"]["searcher"]["metric"] = "acc\nuracy"
    shown = rendered(watched, width=width)
    assert len(shown.splitlines()) == len(rendered(Watched(plain, best=1), width=width).splitlines())
    assert r"lr=x\ny a\r\nb=1 \u0085=\u2028" in shown


def test_where_there_is_little_room_a_trial_that_was_not_reproduced_has_its_state() -> None:
    other = {**trial(1, "ERROR", 1), "difference": {"message": "step 1"}}
    assert "ERROR (not reproduced)" in rendered(Watched(other))
    assert "7/1   ERROR " in rendered(Watched(other), width=40) and "(" not in rendered(Watched(other), width=40)


def test_rungs_are_told_in_full_where_there_is_room_and_as_counts_where_there_is_none() -> None:
    flat = rendered(Watched(trial(1, "COMPLETED", steps=3, value=0.5)))
    assert "Rung" not in flat and "Bracket" not in flat
    watched = Watched(placed(1, 2, state="COMPLETED", steps=4, value=0.5))
    watched.described["brackets"] = BRACKETS
    shown = rendered(watched).splitlines()
    assert shown[2].split()[:3] == ["Trial", "State", "Rung"]
    assert shown[3].split()[:4] == ["7/1", "COMPLETED", "2/2", "4/4"]
    assert shown[4] == "Bracket 1, steps: trials at each rung: 1: 7/8, 2 on; 4: 0/2"
    assert "Bracket 1: 7/8 > 0/2" in rendered(watched, width=40)


def test_why_a_trial_was_stopped_stands_in_the_tables_that_have_room() -> None:
    out = {**placed(1, 1, state="COMPLETED", steps=1, value=0.5), "stopped": "not among the best 2 of 8 at rung 1 of 2"}
    watched = Watched(out, placed(2, 2, state="COMPLETED", steps=4, value=0.75), best=2)
    watched.described["brackets"] = BRACKETS
    header, best, stopped = rendered(watched, width=90).splitlines()[2:5]
    assert header.split()[-2:] == ["Stopped", "Hyperparameters"]
    assert " not best 2 of 8 lr=" in stopped and best.split()[-2:] == ["0.75", "lr=0.25"]
    watched.described["trials"][0]["stopped"] = "among the worst 3 of 20 after round 1"
    assert " worst 3 of 20 lr=" in rendered(watched, width=72)
    assert "Stopped" not in rendered(watched, width=40)
    watched.described["trials"][0]["stopped"] = ""
    assert "Stopped" not in rendered(watched)


def test_the_table_of_trials_tells_in_full_why_one_was_stopped_where_one_was() -> None:
    out = {**trial(1, "COMPLETED", 1, 0.5), "stopped": "not among the best 2 of 8 at rung 1 of 2 (step 1)"}
    watched = Watched(out, trial(2, "COMPLETED", 3, 0.75), best=2)
    table = trials_table(watched.described, watched.described["trials"])
    named = {str(column.header): [str(cell) for cell in column.cells] for column in table.columns}
    assert named["Stopped"] == [out["stopped"], ""]
    alone = trials_table(watched.described, watched.described["trials"][1:])
    assert "Stopped" not in [str(column.header) for column in alone.columns]


def test_after_a_pause_the_trials_that_ran_are_still_there() -> None:
    text = rendered(Watched(trial(1, "PAUSED", 2), trial(2, "PAUSED"), trial(3, "COMPLETED", 3, 0.5)))
    assert "7/1" in text and "2/3" in text and "7/3" in text and "7/2" not in text


def test_failures_are_counted() -> None:
    assert "1 of 1 trial done, 0 running, 0 waiting, 1 failed" in rendered(Watched(trial(1, "ERROR", 1)))


def test_a_trial_that_was_canceled_does_not_wait() -> None:
    canceled = Watched(trial(1, "CANCELED", 1), trial(2, "COMPLETED", 2))
    assert "1 of 2 trials done, 0 running, 0 waiting" in rendered(canceled)
    assert ", 1 of 2 trials done" in experiment_line(canceled.described)


def test_what_looks_like_markup_is_shown_as_it_is() -> None:
    odd = trial(1, "COMPLETED", 1, 0.5)
    odd["hparams"] = {"lr": "[red]x[/red]"}
    watched = Watched(odd)
    assert "lr=[red]x[/red]" in rendered(watched, rows=3)
    watched.described["config"]["searcher"]["metric"] = "acc[red]\n"
    (*_, metric, _hyperparameters) = trials_table(watched.described, [odd]).columns
    assert str(metric.header) == "acc[red]\\n"
