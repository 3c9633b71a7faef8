"""What runs is shown up to its end, by what suits the place; what fails leaves its message and no board."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from pedl.display import shown as module
from pedl.display.live import LineView, TableView, View
from pedl.display.notebook import NotebookView, in_notebook
from pedl.display.shown import Unseen, shown, view_for
from tests.display.test_live import Watched, trial


def test_what_shows_depends_on_where_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not in_notebook()
    assert isinstance(view_for(True), LineView)  # no terminal here
    shell = SimpleNamespace(kernel=object())
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    assert isinstance(view_for(True), NotebookView)
    assert isinstance(view_for(False), Unseen)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: None))
    assert not in_notebook()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stderr", "variables", "suits"),
    [
        (io.StringIO, {}, LineView),
        (io.StringIO, {"FORCE_COLOR": "1"}, LineView),
        (io.StringIO, {"TTY_COMPATIBLE": "1"}, LineView),
        (Terminal, {}, TableView),
        (Terminal, {"FORCE_COLOR": "1"}, TableView),
        (Terminal, {"TERM": "dumb"}, LineView),
        (Terminal, {"TTY_COMPATIBLE": "0"}, LineView),
    ],
)
def test_a_board_is_drawn_where_it_can_be_drawn_anew_whatever_variables_say(
    monkeypatch: pytest.MonkeyPatch, stderr: type[io.StringIO], variables: dict[str, str], suits: type[View]
) -> None:
    for name, value in {"FORCE_COLOR": "", "TTY_COMPATIBLE": "", "TERM": "xterm", **variables}.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "stderr", stderr())
    assert type(view_for(True)) is suits


def test_what_nobody_sees_is_not_looked_at() -> None:
    watched = Watched(trial(1))
    with Unseen() as view:
        view.update(watched, last=True)
        view.tell("nothing")
    assert watched.looks == 0


class Kept(LineView):
    """Keeps the states of an experiment that it shows; no time passes."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: 0.0, write=lambda line: None)
        self.states: list[str] = []

    def _show(self, described: dict[str, Any], *rest: Any) -> None:
        self.states.append(described["state"])


@pytest.mark.parametrize(
    ("ends", "looks", "states"),
    [
        (None, 0, ["PAUSED"]),
        (None, 3, ["ACTIVE", "PAUSED"]),
        (KeyboardInterrupt, 3, ["ACTIVE", "PAUSED"]),
        (KeyboardInterrupt, 0, []),
        (ValueError, 0, []),
        (ValueError, 3, ["ACTIVE"]),
    ],
)
def test_the_last_look_is_at_the_end_and_nothing_is_drawn_of_what_failed(
    monkeypatch: pytest.MonkeyPatch, ends: type[BaseException] | None, looks: int, states: list[str]
) -> None:
    view, watched = Kept(), Watched(trial(1))
    monkeypatch.setattr(module, "view_for", lambda progress: view)

    def run() -> None:
        with shown(watched, True):
            for _ in range(looks):
                view.update(watched)
            watched.described["state"] = "PAUSED"
            if ends is not None:
                raise ends

    if ends is None:
        run()
    else:
        with pytest.raises(ends):
            run()
    assert view.states == states


def test_what_happened_before_is_not_told_again(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(Watched(trial(1, steps=2)), True):
        pass
    assert capsys.readouterr().err == ""
