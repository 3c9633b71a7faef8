"""The command `pedl`, and where its subcommands are."""

from __future__ import annotations

import click

from pedl.cli.certificate import certificate
from pedl.cli.checkpoint import checkpoint
from pedl.cli.completion import completion
from pedl.cli.doctor import doctor
from pedl.cli.experiment import experiment
from pedl.cli.group import Root
from pedl.cli.mlflow import mlflow
from pedl.cli.options import root_home_option
from pedl.cli.preview import preview_search
from pedl.cli.report import report
from pedl.cli.shake import shake
from pedl.cli.tensorboard import tensorboard
from pedl.cli.trial import trial
from pedl.version import VERSION


@click.group(
    cls=Root,
    aliases={"c": "checkpoint", "e": "experiment", "t": "trial"},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(VERSION, prog_name="pedl", message="%(prog)s %(version)s")
@root_home_option
def cli(home: str | None) -> None:
    """Hyperparameter search in which every experiment can be re-run to the identical model, bit for bit.

    \b
    Start:     pedl experiment create examples/mnist/random.yaml examples/mnist
    Go on:     pedl experiment activate 1
    Look:      pedl experiment list
               pedl experiment describe 1
               pedl trial describe 1/3

    `e`, `t` and `c` are short for `experiment`, `trial` and `checkpoint`. Exit codes: 0 done, 1 the experiment failed,
    2 the input was wrong and nothing was created, 130 interrupted and resumable.
    """


for command in (
    experiment, trial, checkpoint, report, tensorboard, mlflow, preview_search, shake, certificate, doctor, completion,
):  # fmt: skip
    cli.add_command(command)


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    cli(prog_name="pedl")
