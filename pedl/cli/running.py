"""Running an experiment in this terminal or behind it, and what is said when it stops."""

from __future__ import annotations

import signal
import subprocess
import time
from typing import Any, NoReturn

import click

from pedl.cli.group import INTERRUPTED
from pedl.cli.output import say, show_json
from pedl.cli.tables import best_trial_lines
from pedl.display.trials import failed_trials, trials_done
from pedl.display.words import command_line, counted, pairs
from pedl.errors import PedlError
from pedl.experiment import Experiment
from pedl.python import python_command

EXIT_CODES = {"COMPLETED": 0, "ERROR": 1, "CANCELED": 1, "PAUSED": INTERRUPTED, "ACTIVE": INTERRUPTED}

RUN_PEDL = "from pedl.cli.main import main; main()"

DETACH_POLL_S = 0.1
"""Seconds between looks at whether a process in the background has begun."""


def run(
    experiment: Experiment, home: str, workers: int | None, as_json: bool, accept_profile_change: bool = False
) -> NoReturn:
    """Runs an experiment here until it stops, and ends the command with its exit code."""
    run_here(experiment, workers, accept_profile_change)
    finish(experiment, home, as_json)


def run_here(experiment: Experiment, workers: int | None, accept_profile_change: bool = False) -> None:
    """Runs an experiment, shown on standard error, until it is over or paused, by Ctrl-C, too."""
    try:
        experiment.run(workers=workers, accept_profile_change=accept_profile_change, progress=True)
    except KeyboardInterrupt:
        say(f"Experiment {experiment.id} was interrupted.")


def finish(experiment: Experiment, home: str, as_json: bool) -> NoReturn:
    """Shows how an experiment stands, and ends the command with the exit code that says so."""
    state = experiment.state
    show_result(experiment, home, as_json)
    if state == "PAUSED":
        again = command_line(home, f"experiment activate {experiment.id}")
        say(f"Experiment {experiment.id} is paused and loses nothing. Go on with: {again}")
    raise click.exceptions.Exit(EXIT_CODES[state])


def show_result(experiment: Experiment, home: str, as_json: bool) -> None:
    """Prints the experiment as JSON, or in a few lines with its best trial."""
    described = experiment.describe()
    if as_json:
        show_json(described)
        return
    done = f"{trials_done(described)} of {counted(len(described['trials']), 'trial')} done"
    failed = len(failed_trials(described))
    done += f", {failed} failed" if failed else ""
    head = f"Experiment {described['id']}: {described['state']}, {done}"
    click.echo("\n".join([f"{head}, seed {described['experiment_seed']}", *best_trial_lines(described)]))
    for line in _failures(described, home):
        say(line)
    if (best := described["best_trial"]) is not None:
        say(f"See more: {command_line(home, f'experiment describe {experiment.id}')}")
        say(f"          {command_line(home, f'trial describe {experiment.id}/{best}')}")


def _failures(described: dict[str, Any], home: str) -> list[str]:
    failed = failed_trials(described)
    if not failed:
        return []
    first = failed[0]
    names = ", ".join(str(trial["id"]) for trial in failed[:10]) + (" ..." if len(failed) > 10 else "")
    words = f"trial logs {described['id']}/{first['id']}"
    return [
        f"Failed trials: {names}. The first, with {pairs(first['hparams']) or 'no hyperparameters'}, said:",
        *(f"  {line}" for message in first["messages"][-1:] for line in str(message).splitlines()),
        f"Its log: {command_line(home, words)}",
    ]


def run_detached(
    experiment: Experiment, home: str, workers: int | None, as_json: bool, accept_profile_change: bool = False
) -> None:
    """Runs an experiment in a process of its own, and returns when that has taken it over.

    One that is over, or that somebody runs, needs no such process: it is told as `run` tells it.

    Raises:
      PedlError: if the process ended before; with how it ended, what it said, and how to go on.
    """
    if experiment.state != "PAUSED":
        run(experiment, home, workers, as_json, accept_profile_change)
    words = ["--home", home, "experiment", "activate", str(experiment.id)]
    words += [] if workers is None else ["--workers", str(workers)]
    words += ["--accept-profile-change"] if accept_profile_change else []
    with experiment.home.paths(experiment.id).log(0).open("a+b") as output:
        start = output.tell()
        process = subprocess.Popen(
            python_command(RUN_PEDL, *words),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        while experiment.state == "PAUSED" and process.poll() is None:
            time.sleep(DETACH_POLL_S)
        if process.poll() not in (None, 0):
            output.seek(start)
            said = output.read().decode(errors="replace").strip()
            raise PedlError(_ended(experiment.id, process.returncode, said, home))
    say(f"Experiment {experiment.id} runs in the background, process {process.pid}.")
    say(f"Wait for it: {command_line(home, f'experiment wait {experiment.id}')}")
    show_result(experiment, home, as_json)


def _ended(experiment_id: int, code: int, said: str, home: str) -> str:
    how = f"ended with exit code {code}" if code > 0 else f"was ended by signal {-code} ({signal.strsignal(-code)})"
    return "\n".join(
        [
            f"The process that was to run experiment {experiment_id} in the background {how}; it said:",
            said or "(nothing)",
            f"Its log: {command_line(home, f'experiment logs {experiment_id}')}",
            f"Go on with: {command_line(home, f'experiment activate {experiment_id}')}",
        ]
    )
