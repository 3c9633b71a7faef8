"""In a notebook the board is one output that is replaced, in HTML that shows names as they are."""

from __future__ import annotations

import re
from typing import Any

from pedl.display.board import MOST_ROWS
from pedl.display.notebook import NotebookView, experiment_html, experiment_line
from tests.display.test_live import Watched, trial


def text_of(html: str) -> str:
    return re.sub(r"<[^>]*>", "", html)


def test_the_board_is_drawn_once_and_replaced_from_then_on() -> None:
    drawn: list[str] = []
    replaced: list[str] = []

    def show(html: str) -> Any:
        drawn.append(html)
        return replaced.append

    with NotebookView(show) as view:
        view.update(Watched(trial(1, steps=1)), last=True)
        view.update(Watched(trial(1, "COMPLETED", steps=3, value=0.75), best=1), last=True)
    assert (len(drawn), len(replaced)) == (1, 1)
    assert "best: 7/1, accuracy 0.75" in text_of(replaced[0])
    assert replaced[0].count("<pre") == 1 and "<html" not in replaced[0]


def test_an_experiment_shows_itself_with_the_best_first() -> None:
    trials = [trial(number, "COMPLETED", steps=1, value=number / 100) for number in range(1, MOST_ROWS + 3)]
    watched = Watched(*trials, best=MOST_ROWS + 2)
    shown = text_of(experiment_html(watched.describe()))
    best = f"7/{MOST_ROWS + 2}"
    assert shown.index(f"{best} *") < shown.index(f"7/{MOST_ROWS + 1} ")
    assert "and 2 more: trials_dataframe() has all" in shown
    assert experiment_line(watched.describe()) == (
        f"Experiment 7: ACTIVE, seed 42, {MOST_ROWS + 2} of {MOST_ROWS + 2} trials done, best: {best}, accuracy 0.26"
    )


def test_hostile_names_are_text() -> None:
    hostile = trial(1, "COMPLETED", steps=1, value=0.5)
    hostile["hparams"] = {"<script>alert(1)</script>": "[bold]<b>"}
    html = experiment_html(Watched(hostile, best=1).describe())
    assert "<script" not in html and "&lt;script&gt;" in html
    assert "[bold]&lt;b&gt;" in html
