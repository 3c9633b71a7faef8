"""Real shells complete commands, options, experiments and trials from what `pedl completion` prints."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

from pedl.cli.completion import SHELLS
from pedl.cli.main import cli
from pedl.store import Home
from pedl.store.lock import hold
from tests.cli.conftest import Pedl
from tests.experiment.fake_executor import FakeExecutor

ROOT = Path(__file__).parents[2]


@pytest.fixture
def complete(tmp_path: Path, pedl_command: Pedl) -> object:
    """Returns what bash offers for a line: `complete("pedl exp")`."""
    (tmp_path / "bin").mkdir()
    tool = tmp_path / "bin" / "pedl"
    tool.write_text(f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {sys.executable} -m pedl "$@"\n')
    tool.chmod(0o755)
    (tmp_path / "completion.sh").write_text(pedl_command("completion", "bash").out)

    def offered(line: str) -> list[str]:
        words = line.split(" ")
        script = (
            "shopt -s progcomp; source completion.sh; complete -p pedl >/dev/null || exit 9\n"
            f"COMP_WORDS=({' '.join(map(shlex.quote, words))}); COMP_CWORD={len(words) - 1}\n"
            '_pedl_completion pedl "" ""; printf "%s\\n" "${COMPREPLY[@]}"'
        )
        environment = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
        done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.split()

    return offered


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_experiments_and_trials(
    complete: object, pedl_command: Pedl, inputs: tuple[str, str], executor: FakeExecutor
) -> None:
    assert callable(complete)
    assert complete("pedl exp") == ["experiment"]
    assert complete("pedl e desc") == ["describe"]
    assert complete("pedl experiment create --see") == ["--seed"]
    assert complete("pedl completion f") == ["fish"]
    assert complete("pedl experiment describe ") == []
    assert complete("pedl experimnt desc") == []
    for _ in range(2):
        assert pedl_command("experiment", "create", *inputs).code == 0
    assert complete("pedl experiment describe ") == ["2", "1"]
    assert complete("pedl trial logs 2/") == ["2/1", "2/2", "2/3"]


def test_experiments_and_trials_are_offered_wherever_one_is_named(
    pedl_command: Pedl, inputs: tuple[str, str], executor: FakeExecutor
) -> None:
    def offered(command: str, incomplete: str) -> list[str]:
        found = ShellComplete(cli, {}, "pedl", "_PEDL_COMPLETE").get_completions(command.split(), incomplete)
        return [it.value for it in found]

    for _ in range(2):
        assert pedl_command("experiment", "create", *inputs).code == 0
    for command in ("tensorboard", "report", "experiment compare", "experiment compare 1"):
        assert offered(command, "") == ["2", "1"], command
    for command in ("experiment compare 1/1", "checkpoint verify", "checkpoint download"):
        assert offered(command, "2/") == ["2/1", "2/2", "2/3"], command
    assert offered("tensorboard", "2/") == []


def test_what_stands_beside_a_name_is_one_line_and_the_state_that_people_see(
    pedl_command: Pedl, inputs: tuple[str, str], executor: FakeExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def beside() -> list[str | None]:
        found = ShellComplete(cli, {}, "pedl", "_PEDL_COMPLETE").get_completions(["experiment", "describe"], "")
        return [it.help for it in found]

    config = tmp_path / "random.yaml"
    config.write_text(config.read_text().replace("description: digits", "description: |\n  digits\n  in two lines"))
    assert pedl_command("experiment", "create", *inputs, "--paused").code == 0
    assert beside() == ["PAUSED digits in two lines"]
    summaries = [it | {"state": "ACTIVE"} for it in Home(tmp_path / ".pedl").summaries()]
    monkeypatch.setattr(Home, "summaries", lambda _: summaries)
    with hold(tmp_path / ".pedl" / "experiments" / "1" / "master.lock", "it"):
        assert beside() == ["ACTIVE digits in two lines"]
    assert beside() == ["PAUSED digits in two lines"]


def test_every_argument_that_names_an_experiment_or_a_trial_is_completed() -> None:
    def arguments(command: click.Command, name: str) -> list[tuple[str, click.Argument]]:
        if isinstance(command, click.Group):
            return [it for word, each in command.commands.items() for it in arguments(each, f"{name} {word}")]
        return [(name, it) for it in command.params if isinstance(it, click.Argument)]

    named = [
        (name, it) for name, it in arguments(cli, "pedl") if it.metavar in ("ID", "[ID]", "E/T", "[E/T]", "A", "B")
    ]
    assert len(named) > 20
    assert [name for name, it in named if it._custom_shell_complete is None] == []


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_can_read_its_script(shell: str, pedl_command: Pedl) -> None:
    result = pedl_command("completion", shell)
    assert result.code == 0 and "_PEDL_COMPLETE" in result.out
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=result.out, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")


def test_another_shell_is_refused_with_those_that_can(pedl_command: Pedl) -> None:
    result = pedl_command("completion", "tcsh")
    assert result.code == 2 and "'bash', 'zsh', 'fish'" in result.err
