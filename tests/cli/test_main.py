"""Help answers at once, mistypes are guessed, errors are one message and an exit code."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from pedl.cli.main import cli
from pedl.version import VERSION
from tests.cli.conftest import Pedl
from tests.experiment.fake_executor import FakeExecutor

ROOT = Path(__file__).parents[2]


def every_command(command: click.Command, words: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        return [found for name, sub in command.commands.items() for found in every_command(sub, (*words, name))]
    return [(words, command)]


COMMANDS = every_command(cli)
GROUPS = [(), *((name,) for name, command in cli.commands.items() if isinstance(command, click.Group))]


def test_the_commands_are_those_of_the_documentation() -> None:
    assert {" ".join(words) for words, _ in COMMANDS} >= {
        *(f"experiment {name}" for name in (
            "create", "activate", "list", "describe", "config", "logs", "wait", "label", "archive", "delete"
        )),
        "trial describe", "trial logs", "preview-search", "doctor",
    }  # fmt: skip


@pytest.mark.parametrize("words", [words for words, _ in COMMANDS], ids=" ".join)
def test_the_help_of_every_command_has_an_example_of_it(words: tuple[str, ...], pedl_command: Pedl) -> None:
    result = pedl_command(*words, "--help")
    assert result.code == 0
    assert "Example" in result.out.partition("Options:")[0]
    assert f"pedl {' '.join(words)}" in result.out.partition("Options:")[0].partition("Example")[2]


def examples(text: str) -> list[list[str]]:
    """Returns the commands of pedl in the examples of a help text, as words."""
    found = []
    for line in text.partition("Options:")[0].splitlines():
        for part in re.split(r"&&|\||>", line.replace("$(", "").replace(")", "")):
            start = re.search(r"\bpedl .*", part)
            if start and not re.search(r"Usage:|`", part):
                found.append(shlex.split(start[0].rstrip('"'))[1:])
    return found


@pytest.mark.parametrize("words", [*(words for words, _ in COMMANDS), *GROUPS], ids=" ".join)
def test_every_example_is_a_command_line_that_pedl_takes(
    words: tuple[str, ...], pedl_command: Pedl, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = examples(pedl_command(*words, "--help").out)
    assert any(tuple(it[: len(words)]) == words for it in shown)
    taken: list[str] = []
    monkeypatch.setattr(click.Command, "invoke", lambda self, ctx: None if ctx.invoked_subcommand else taken.append(""))
    for example in shown:
        assert pedl_command(*example).code == 0, example
    assert len(taken) == len(shown)


def test_an_example_that_is_mistyped_would_be_noticed(pedl_command: Pedl) -> None:
    (example,) = examples("  Example: pedl experiment describe 3 --jsn > out.json")
    assert example == ["experiment", "describe", "3", "--jsn"]
    assert pedl_command(*example).code == 2


def test_reading_commands_have_json() -> None:
    reading = {"experiment list", "experiment describe", "experiment config", "trial describe", "preview-search"}
    reading |= {"experiment logs", "trial logs"}
    for words, command in COMMANDS:
        if " ".join(words) in reading | {"doctor", "experiment label", "experiment wait"}:
            assert "--json" in [name for option in command.params for name in option.opts]


def test_python_m_pedl_is_the_same_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "pedl", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert (ran.returncode, ran.stdout) == (0, f"pedl {VERSION}\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["experimnt", "list"], "No such command: `experimnt`. Did you mean `pedl experiment`?"),
        (["exp", "list"], "No such command: `exp`. Did you mean `pedl experiment`?"),
        (["experiment", "actvate", "3"], "Did you mean `pedl experiment activate`?"),
        (["e", "descrbe", "3"], "Did you mean `pedl experiment describe`?"),
        (["trial", "zzz"], "There are: describe, export, logs, verify."),
        (["describe", "3"], "Did you mean `pedl experiment describe` or `pedl trial describe`?"),
        (["export", "3/1"], "Did you mean `pedl trial export`?"),
        (["activte", "3"], "Did you mean `pedl experiment activate`?"),
        (["trial", "download", "3/1"], "Did you mean `pedl checkpoint download`?"),
        (["experiment", "list", "--jsn"], "Did you mean --json?"),
        (["shake", "a", "b", "--batch", "3"], "Did you mean --batches?"),
        (["--hme", "x", "experiment", "list"], "--home"),
        (["completion", "bsh"], "'bash', 'zsh', 'fish'"),
    ],
)
def test_a_mistyped_command_is_guessed(words: list[str], told: str, pedl_command: Pedl) -> None:
    result = pedl_command(*words)
    assert result.code == 2
    assert told in re.sub("'(--[a-z]+)'", r"\1", result.err)  # newer versions of Click quote what they guess
    assert result.out == ""


@pytest.mark.parametrize("words", [("e", "list"), ("e", "ls"), ("experiment", "list")])
def test_nouns_can_be_abbreviated(words: tuple[str, ...], pedl_command: Pedl) -> None:
    assert pedl_command(*words, "--json").json() == []


def test_a_home_that_does_not_exist_is_empty_and_is_not_created(pedl_command: Pedl, tmp_path: Path) -> None:
    result = pedl_command("experiment", "list", "--json")
    assert (result.code, result.out) == (0, "[]\n")
    result = pedl_command("experiment", "list")
    assert (result.code, result.out, result.err) == (0, "", "There are no experiments in .pedl.\n")
    result = pedl_command("tensorboard", "--logdir-only")
    assert (result.code, result.out, result.err) == (0, "", "There are no experiments in .pedl.\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [("describe", "7"), ("config", "7"), ("activate", "7"), ("logs", "7"), ("wait", "7"), ("label", "7", "x"),
              ("archive", "7"), ("delete", "7", "--yes")], ids=lambda words: words[0],
)  # fmt: skip
def test_an_experiment_that_does_not_exist_is_told(words: tuple[str, ...], pedl_command: Pedl, tmp_path: Path) -> None:
    result = pedl_command("experiment", *words)
    assert result.code == 1
    assert "There is no experiment 7" in result.err
    assert "Traceback" not in result.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["experiment", "describe", "x"], "'x' is not a valid integer"),
        (["experiment", "describe", "0"], "0 is not in the range x>=1"),
        (["experiment", "describe"], "Missing argument 'ID'"),
        (["experiment", "activate", "1", "--workers", "0"], "0 is not in the range x>=1"),
        (["experiment", "create", "a", "b", "--seed", "-1"], "-1 is not in the range 0<=x<=2147483647"),
        (["experiment", "create", "a", "b", "--paused", "--detach"], "--paused and --detach exclude each other"),
        (["trial", "describe", "3"], "'3' is not a trial; expected experiment/trial, for example 3/12"),
        (["trial", "logs", "3/0"], "'3/0' is not a trial"),
        (["experiment", "verify", "1", "--certificate", "nowhere/it.json"], "nowhere is not a directory"),
        (["report", "1", "--output", "nowhere/it.html"], "nowhere is not a directory"),
    ],
)
def test_wrong_words_are_told_with_exit_code_2(words: list[str], told: str, pedl_command: Pedl) -> None:
    result = pedl_command(*words)
    assert result.code == 2
    assert told in result.err


@pytest.mark.parametrize("words", [("experiment", "describe"), ("trial", "describe"), ("experiment", "compare", "1")])
def test_a_number_that_no_database_holds_is_no_experiment(
    words: tuple[str, ...], pedl_command: Pedl, executor: FakeExecutor, inputs: tuple[str, str]
) -> None:
    pedl_command("experiment", "create", *inputs, "--paused")
    number = str(2**63)
    result = pedl_command(*words, f"{number}/1" if words[0] == "trial" else number)
    assert (result.code, result.err.partition(" in ")[0]) == (1, f"There is no experiment {number}")


def test_trouble_with_files_is_told_without_a_traceback(pedl_command: Pedl, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = pedl_command("--home", "file/home", "experiment", "delete", "1", "--yes")
    assert result.code == 1
    assert "Traceback" not in result.err and result.err
