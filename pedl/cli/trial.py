"""`pedl trial ...`: one trial of an experiment, named E/T."""

from __future__ import annotations

import click

from pedl.cli.group import Group
from pedl.cli.options import home_option, json_option, trial_argument
from pedl.cli.output import show_json
from pedl.cli.verify_commands import verify_trial


@click.group(cls=Group)
def trial() -> None:
    """Look at one trial, or run it again; 3/12 is trial 12 of experiment 3."""


trial.add_command(verify_trial)


@trial.command()
@trial_argument
@json_option
@home_option
def describe(trial: tuple[int, int], as_json: bool, home: str) -> None:
    """Show trial E/T: its hyperparameters, metrics, hashes, checkpoints and the audit of its seeds.

    \b
    Example: pedl trial describe 3/12
    """
    from pedl.cli.tables import show_trial
    from pedl.experiment import load_experiment

    experiment_id, trial_id = trial
    found = load_experiment(experiment_id, home)
    found.log_file(trial_id)  # refuses a number that no trial has
    described = found.describe()
    entry = next(entry for entry in described["trials"] if entry["id"] == trial_id)
    if as_json:
        show_json(entry)
    else:
        show_trial(described, entry, home)


@trial.command()
@trial_argument
@click.option("-f", "--follow", is_flag=True, help="Go on printing until the experiment stops.")
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Print only the last N lines.")
@json_option
@home_option
def logs(trial: tuple[int, int], follow: bool, tail: int | None, as_json: bool, home: str) -> None:
    """Print what trial E/T wrote to standard output and standard error.

    \b
    Example: pedl trial logs 3/12 --tail 20
    """
    from pedl.cli.logs import print_logs
    from pedl.experiment import load_experiment

    experiment_id, trial_id = trial
    print_logs(load_experiment(experiment_id, home), trial_id, tail, follow, as_json)
