"""A command that a message shows can be typed as it is shown: it names the home that the message is about."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from pedl.display.words import command_line
from pedl.store import lock
from tests.cli.conftest import Pedl
from tests.experiment.fake_executor import PROFILE, FakeExecutor

ROOT = Path(__file__).parents[2]
COMMAND = re.compile(r"\bpedl (?:--home \S+ )?(?:experiment|trial|checkpoint|report|certificate) (?:[a-z]+ )?\S+")
NO_HOME_KNOWN = {"pedl/verify/certificate.py", "pedl/trial/context.py", "pedl/trial/notes.py"}
"""What reads a certificate is given a file, and no home; nor does a trial know of one."""

Inputs = tuple[str, str]


def hints(said: str) -> list[str]:
    """Returns the commands that a text shows; each of them names the home `h`."""
    shown = [match.group() for match in COMMAND.finditer(said)]
    assert shown, said
    assert all(it.startswith("pedl --home h ") for it in shown), shown
    return [it.removeprefix("pedl --home h ") for it in shown]


def test_what_is_over_is_described_where_it_is(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    executor.script.fails = dict.fromkeys((1, 2, 3), (2, "code"))
    hints(pedl_command("--home", "h", "experiment", "create", *inputs).err)
    refused = pedl_command("--home", "h", "experiment", "activate", "1")
    assert hints(refused.err) == ["experiment describe 1"]
    assert pedl_command("--home", "h", *hints(refused.err)[0].split()).code == 0


def test_what_another_process_runs_is_paused_where_it_is(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "PATIENCE_S", 0.05)
    pedl_command("--home", "h", "experiment", "create", *inputs, "--paused")
    with lock.hold(Path("h/experiments/1/master.lock"), "it"):
        assert hints(pedl_command("--home", "h", "experiment", "activate", "1").err) == ["experiment pause 1"]
        assert hints(pedl_command("--home", "h", "experiment", "delete", "1", "--yes").err) == ["experiment pause 1"]


def test_what_stopped_goes_on_where_it_is(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    executor.script.fails = {1: (1, "storage")}
    stopped = pedl_command("--home", "h", "experiment", "create", *inputs).err
    assert hints(stopped) == ["experiment activate 1"]
    executor.script.profile = {**PROFILE, "tensorflow": "2.99"}
    refused = pedl_command("--home", "h", "experiment", "activate", "1").err
    assert hints(refused) == ["experiment activate 1"]
    again = refused.rpartition("pedl --home h ")[2].split()
    assert again[-1] == "--accept-profile-change"
    executor.script.fails = {}
    done = pedl_command("--home", "h", *again)
    assert done.code == 0 and hints(done.err)


def test_a_checkpoint_that_is_not_there_is_looked_for_where_others_are(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    config = Path(inputs[0])
    config.write_text(config.read_text().replace("searcher: {", "searcher: {source_checkpoint: nowhere, "))
    assert hints(pedl_command("--home", "h", "experiment", "create", *inputs).err) == ["checkpoint list E/T"]


def test_the_home_is_left_out_where_no_other_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    assert command_line(".pedl", "experiment list") == "pedl experiment list"
    monkeypatch.setenv("PEDL_HOME", "other")
    assert command_line(".pedl", "experiment list") == "pedl --home .pedl experiment list"
    assert command_line("other", "experiment list") == "pedl --home other experiment list"


def test_no_other_message_shows_a_command_without_its_home() -> None:
    """What a home is needed for is written by `command_line`; docstrings, helps among them, are about any."""
    words = re.compile(r"\bpedl (experiment|trial|checkpoint|certificate|report|tensorboard|mlflow) ")
    found = set()
    for file in sorted((ROOT / "pedl").rglob("*.py")):
        tree = ast.parse(file.read_text())
        docstrings = {id(it.value) for it in ast.walk(tree) if isinstance(it, ast.Expr)}
        for it in ast.walk(tree):
            if isinstance(it, ast.Constant) and isinstance(it.value, str) and id(it) not in docstrings:
                found |= {file.relative_to(ROOT).as_posix()} if words.search(it.value) else set()
    assert found == NO_HOME_KNOWN
