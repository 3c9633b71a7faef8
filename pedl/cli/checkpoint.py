"""`pedl checkpoint ...`: a trial's checkpoints, named E/T: what there is, whether it is whole, and a copy of it."""

from __future__ import annotations

from pathlib import Path

import click

from pedl.cli.completion import trials
from pedl.cli.group import Group
from pedl.cli.options import home_option, json_option, trial_argument, trial_name
from pedl.cli.output import say, show_json
from pedl.display.words import counted


@click.group(cls=Group, aliases={"ls": "list"})
def checkpoint() -> None:
    """Look at the checkpoints of trials; 3/12 is trial 12 of experiment 3.

    \b
    Examples: pedl checkpoint list 3/12
              pedl checkpoint download 3/12 best
    """


@checkpoint.command("list")
@trial_argument
@json_option
@home_option
def list_(trial: tuple[int, int], as_json: bool, home: str) -> None:
    """List the checkpoints of trial E/T that are kept, oldest first.

    \b
    Example: pedl checkpoint list 3/12
    """
    from pedl.cli.tables import show_table
    from pedl.display.trials import plain_table
    from pedl.experiment import load_experiment

    found = load_experiment(trial[0], home).checkpoints(trial[1])
    if as_json:
        show_json([entry.to_dict() for entry in found])
    elif found:
        table = plain_table("Step", "Batches", "Size", "UUID", "SHA-256", "Copied")
        for it in found:
            copied = "yes" if it.stored else "no"
            table.add_row(str(it.step), str(it.batches), f"{it.size_bytes:,}", it.uuid, it.sha256, copied)
        show_table(table)
    else:
        say(f"Trial {trial[0]}/{trial[1]} has no checkpoints.")


@checkpoint.command()
@click.argument("trial", metavar="[E/T]", type=trial_name, required=False, shell_complete=trials)
@json_option
@home_option
def verify(trial: tuple[int, int] | None, as_json: bool, home: str) -> None:
    """Read the checkpoints of trial E/T, or all there are, and compare them with their recorded hashes.

    Exit code: 0 all are whole, 1 one is not.

    \b
    Examples: pedl checkpoint verify 3/12
              pedl checkpoint verify
    """
    from pedl.experiment import list_experiments, load_experiment

    ids = [entry["id"] for entry in list_experiments(home)] if trial is None else [trial[0]]
    found = []
    for experiment_id in ids:
        experiment = load_experiment(experiment_id, home)
        for it, trouble in experiment.checked_checkpoints(None if trial is None else trial[1]):
            found.append({"experiment": experiment_id, **it.to_dict(), "trouble": trouble})
    damaged = [entry for entry in found if entry["trouble"] is not None]
    if as_json:
        show_json(found)
    else:
        for entry in damaged:
            name = f"{entry['experiment']}/{entry['trial']}"
            click.echo(f"Checkpoint {entry['uuid']} of trial {name}, step {entry['step']}: {entry['trouble']}")
        click.echo(f"{counted(len(found), 'checkpoint')} read, {len(found) - len(damaged)} whole.")
    raise click.exceptions.Exit(1 if damaged else 0)


@checkpoint.command()
@trial_argument
@click.argument("directory", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--step", type=click.IntRange(min=1), metavar="N", help="Take the one of step N instead of the newest.")
@home_option
def download(trial: tuple[int, int], directory: Path, step: int | None, home: str) -> None:
    """Copy the newest checkpoint of trial E/T into the new directory DIR, from wherever it is kept.

    \b
    Example: pedl checkpoint download 3/12 best --step 40
    """
    from pedl.experiment import load_experiment

    taken = load_experiment(trial[0], home).download_checkpoint(trial[1], directory, step)
    say(f"Checkpoint {taken.uuid} of step {taken.step} is in {directory}.")
