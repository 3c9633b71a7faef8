"""Pausing, canceling and killing from another terminal, and what Ctrl-C says."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest
from click.testing import CliRunner

from pedl.cli.main import cli
from pedl.display.live import PAUSING
from tests.cli.conftest import Pedl
from tests.experiment.fake_executor import FakeExecutor

Inputs = tuple[str, str]


def during(monkeypatch: pytest.MonkeyPatch, at_poll: int, do: Any) -> list[Any]:
    """Has `do()` called, once, while an experiment runs; returns the list that its result comes into."""
    polls: list[int] = []
    results: list[Any] = []
    poll = FakeExecutor.poll

    def poll_and_do(self: FakeExecutor, timeout_s: float | None) -> Any:
        polls.append(1)
        if len(polls) == at_poll:
            results.append(do())
        return poll(self, timeout_s)

    monkeypatch.setattr(FakeExecutor, "poll", poll_and_do)
    return results


def typed(*words: str) -> Any:
    return lambda: CliRunner().invoke(cli, list(words), prog_name="pedl")


def test_pause_from_another_terminal_checkpoints_and_going_on_gives_the_same_outcome(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pedl_command("e", "create", *inputs, "--seed", "7", "--json").json()
    asked = during(monkeypatch, 6, typed("experiment", "pause", "2"))
    stopped = pedl_command("e", "create", *inputs, "--seed", "7")
    assert (stopped.code, asked[0].exit_code) == (130, 0)
    assert "Experiment 2 pauses: its trials save a checkpoint at the end of a step." in asked[0].stderr
    assert "pedl experiment wait 2" in asked[0].stderr
    assert "pedl experiment activate 2" in stopped.err
    assert pedl_command("e", "describe", "2", "--json").json()["trials"][0]["checkpoints"] != []
    going_on = pedl_command("e", "activate", "2", "--json")
    assert (going_on.code, going_on.json()["outcome_sha256"]) == (0, whole["outcome_sha256"])


def test_pausing_what_nobody_runs_says_how_it_stands(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    pedl_command("e", "create", *inputs, "--paused")
    result = pedl_command("experiment", "pause", "1")
    assert (result.code, result.err) == (0, "No process runs experiment 1; it is PAUSED.\n")


@pytest.mark.parametrize(("word", "how", "checkpoints"), [("cancel", "when its trials", 1), ("kill", "at once", 0)])
def test_cancel_and_kill_end_what_another_terminal_runs(
    word: str,
    how: str,
    checkpoints: int,
    pedl_command: Pedl,
    executor: FakeExecutor,
    inputs: Inputs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = during(monkeypatch, 3, typed("experiment", word, "1"))
    result = pedl_command("e", "create", *inputs, "--workers", "1", "--json")
    assert (result.code, result.json()["state"]) == (1, "CANCELED")
    assert f"Experiment 1 ends {how}" in asked[0].stderr
    assert len(result.json()["trials"][0]["checkpoints"]) == checkpoints
    again = pedl_command("experiment", word, "1")
    assert (again.code, again.err) == (1, "Experiment 1 is over already: CANCELED.\n")
    assert "It cannot go on" in pedl_command("e", "activate", "1").err


def test_what_nobody_runs_is_canceled_on_return(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    pedl_command("e", "create", *inputs, "--paused")
    assert pedl_command("experiment", "cancel", "1").err == "Experiment 1 is CANCELED.\n"
    assert pedl_command("e", "list", "--json").json()[0]["state"] == "CANCELED"


def test_ctrl_c_answers_once_before_trials_have_checkpointed(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    during(monkeypatch, 6, lambda: os.kill(os.getpid(), signal.SIGINT))
    result = pedl_command("e", "create", *inputs)
    lines = result.err.splitlines()
    assert (result.code, lines.count(PAUSING)) == (130, 1)
    assert lines.index(PAUSING) < lines.index("Experiment 1 was interrupted.")
