"""`pedl trial ...`: one trial of an experiment, named E/T."""

from __future__ import annotations

from pathlib import Path

import click

from pedl.cli.group import Group
from pedl.cli.options import home_option, json_option, trial_argument
from pedl.cli.output import say, show_json
from pedl.cli.verify_commands import verify_trial


@click.group(cls=Group)
def trial() -> None:
    """Look at one trial, run it again, or take its model; 3/12 is trial 12 of experiment 3.

    \b
    Examples: pedl trial describe 3/12
              pedl trial verify 3/12
    """


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
    described = found.describe()
    number = found.trial(trial_id).id  # refused if no trial has it
    entry = next(entry for entry in described["trials"] if entry["id"] == number)
    if as_json:
        show_json(entry)
    else:
        show_trial(described, entry, home)


@trial.command()
@trial_argument
@click.option(
    "--format",
    "file_format",
    type=click.Choice(["keras", "saved_model"]),
    default="keras",
    show_default=True,
    metavar="FORMAT",
    help="keras: a file that keras.models.load_model reads. saved_model: a SavedModel of TensorFlow.",
)
@click.option("--step", type=click.IntRange(min=1), metavar="N", help="Take the checkpoint of step N, not the newest.")
@click.option(
    "--output", type=click.Path(path_type=Path), metavar="DIR", help="A new directory. Default: trial-E-T-FORMAT"
)
@json_option
@home_option
def export(
    trial: tuple[int, int], file_format: str, step: int | None, output: Path | None, as_json: bool, home: str
) -> None:
    """Write the model of trial E/T for programs that know nothing of pedl, and a manifest that says what it is.

    \b
    Examples: pedl trial export 3/12
              pedl trial export 3/12 --format saved_model --output digits
    """
    from pedl.experiment import load_experiment

    target = output or Path(f"trial-{trial[0]}-{trial[1]}-{file_format}")
    found = load_experiment(trial[0], home).trial(trial[1])
    manifest = found.export(target, file_format, step)
    if as_json:
        show_json(manifest)
        return
    say(f"Exported step {manifest['step']} of trial {trial[0]}/{trial[1]}, weights {manifest['weights_sha256']}.")
    if manifest["custom_objects"]:
        say(f"To load it, hand over as custom_objects: {', '.join(manifest['custom_objects'])}")
    click.echo(target / manifest["model"])


@trial.command()
@trial_argument
@click.option("-f", "--follow", is_flag=True, help="Keep printing until the experiment stops.")
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
