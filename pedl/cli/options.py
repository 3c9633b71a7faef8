"""Options and arguments that several commands share."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pedl.cli.completion import experiments, trials
from pedl.display.words import default_home
from pedl.seeds import SEED_MAX

Command = TypeVar("Command", bound=Callable[..., Any])


def home_of(ctx: click.Context, value: str | None = None) -> str:
    """Returns the home: `value`, else what stands before the command, else the default one."""
    # `pedl --home DIR experiment list` and `pedl experiment list --home DIR` both work; the nearer one wins.
    return value or ctx.params.get("home") or ctx.find_root().params.get("home") or default_home()


def _home(ctx: click.Context, _: click.Parameter, value: str | None) -> str:
    return home_of(ctx, value)


def trial_name(text: str) -> tuple[int, int]:
    """Returns the numbers of "E/T": experiment E's trial T, both from 1."""
    match = re.fullmatch(r"([1-9]\d*)/([1-9]\d*)", text)
    if match is None:
        raise click.BadParameter(f"{text!r} is not a trial; expected experiment/trial, for example 3/12")
    return int(match[1]), int(match[2])


def file_to_write(_: click.Context, __: click.Parameter, value: Path | None) -> Path | None:
    """Refuses, before anything is done for it, a file whose directory is not there or takes no file."""
    directory = None if value is None else value.absolute().parent
    if directory is not None and not directory.is_dir():
        raise click.BadParameter(f"{directory} is not a directory")
    if directory is not None and not os.access(directory, os.W_OK):
        raise click.BadParameter(f"nothing can be written to {directory}")
    return value


_HOME_HELP = "Where experiments are kept. Default: PEDL_HOME, else .pedl"
home_option = click.option("--home", callback=_home, metavar="DIR", help=_HOME_HELP)
root_home_option = click.option("--home", metavar="DIR", help=_HOME_HELP)
json_option = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
workers_option = click.option(
    "--workers",
    type=click.IntRange(min=1),
    metavar="N",
    help="Trials to train at once. Default: half the cores. It changes no result.",
)
detach_option = click.option("--detach", is_flag=True, help="Run in the background and return at once.")
seed_option = click.option(
    "--seed", type=click.IntRange(0, SEED_MAX), metavar="N", help="The experiment seed, instead of the configuration's."
)
experiment_argument = click.argument(
    "experiment_id", metavar="ID", type=click.IntRange(min=1), shell_complete=experiments
)
trial_argument = click.argument("trial", metavar="E/T", type=trial_name, shell_complete=trials)
