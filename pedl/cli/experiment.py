"""`pedl experiment ...`: what looks at experiments, labels and deletes them; running and stopping are next door."""

from __future__ import annotations

import click

from pedl.cli.compare_command import compare_two
from pedl.cli.group import INTERRUPTED, Group
from pedl.cli.options import experiment_argument, home_option, json_option
from pedl.cli.output import say, show_json
from pedl.cli.replicate_commands import rank, replicate
from pedl.cli.run_commands import activate, create, wait
from pedl.cli.stop_commands import cancel, kill, pause
from pedl.cli.verify_commands import verify

follow_option = click.option("-f", "--follow", is_flag=True, help="Keep printing until the experiment stops.")


@click.group(cls=Group, aliases={"ls": "list", "rm": "delete"})
def experiment() -> None:
    """Create experiments, run them, and look at them.

    \b
    Examples: pedl experiment create examples/mnist/random.yaml examples/mnist
              pedl experiment list
              pedl experiment describe 1
    """


for command in (create, activate, wait, pause, cancel, kill, verify, compare_two, replicate, rank):
    experiment.add_command(command)


@experiment.command("list")
@click.option("-a", "--all", "with_archived", is_flag=True, help="Show archived experiments too.")
@json_option
@home_option
def list_(with_archived: bool, as_json: bool, home: str) -> None:
    """List the experiments; archived ones only with --all.

    \b
    Example: pedl experiment list
    """
    from pedl.cli.tables import show_experiments
    from pedl.experiment import list_experiments

    found = [entry for entry in list_experiments(home) if with_archived or not entry["archived"]]
    if as_json:
        show_json(found)
    elif found:
        show_experiments(found, home)
    else:
        say(f"There are no experiments in {home}.")


@experiment.command()
@experiment_argument
@json_option
@home_option
def describe(experiment_id: int, as_json: bool, home: str) -> None:
    """Show experiment ID: its state, seed, trials, best trial and outcome.

    \b
    Example: pedl experiment describe 3
    """
    from pedl.cli.tables import show_experiment
    from pedl.experiment import load_experiment

    described = load_experiment(experiment_id, home).describe()
    if as_json:
        show_json(described)
    else:
        show_experiment(described, home)


@experiment.command()
@experiment_argument
@json_option
@home_option
def config(experiment_id: int, as_json: bool, home: str) -> None:
    """Print the complete configuration of experiment ID as YAML, which `create` accepts.

    \b
    Example: pedl experiment config 3 > again.yaml
    """
    from pedl.config import yaml_text
    from pedl.experiment import load_experiment

    complete = load_experiment(experiment_id, home).config.to_dict()
    if as_json:
        show_json(complete)
    else:
        click.echo(yaml_text(complete), nl=False)


@experiment.command()
@experiment_argument
@follow_option
@click.option("--tail", type=click.IntRange(min=0), metavar="N", help="Print only the last N lines of each log.")
@json_option
@home_option
def logs(experiment_id: int, follow: bool, tail: int | None, as_json: bool, home: str) -> None:
    """Print what the trials of experiment ID wrote, each line with the trial's number.

    \b
    Example: pedl experiment logs 3 --follow
    """
    from pedl.cli.logs import print_logs
    from pedl.experiment import load_experiment

    print_logs(load_experiment(experiment_id, home), None, tail, follow, as_json)


@experiment.command()
@experiment_argument
@click.argument("labels", nargs=-1)
@click.option("--remove", is_flag=True, help="Take the labels away instead of adding them.")
@json_option
@home_option
def label(experiment_id: int, labels: tuple[str, ...], remove: bool, as_json: bool, home: str) -> None:
    """Add LABELS to experiment ID, or remove them; without LABELS, print those it has.

    Labels are your own words, shown by `list` and `describe`; they start as the configuration's `labels`.

    \b
    Examples: pedl experiment label 3 baseline mnist
              pedl experiment label 3 mnist --remove
    """
    from pedl.errors import InputError
    from pedl.experiment import load_experiment

    found = load_experiment(experiment_id, home)
    before: list[str] = found.describe()["labels"]
    unknown = [name for name in labels if remove and name not in before]
    if unknown:
        raise InputError(
            f"Experiment {experiment_id} has no label {unknown[0]!r}; it has: {', '.join(before) or 'none'}."
        )
    after = [name for name in before if name not in labels] if remove else list(dict.fromkeys([*before, *labels]))
    if after != before:
        (found.remove_labels if remove else found.add_labels)(list(labels))
    if as_json:
        show_json(after)
    else:
        click.echo("\n".join(after)) if after else say(f"Experiment {experiment_id} has no labels.")


@experiment.command()
@experiment_argument
@click.option("--undo", is_flag=True, help="Take it back out of the archive.")
@home_option
def archive(experiment_id: int, undo: bool, home: str) -> None:
    """Archive experiment ID: `list` leaves it out, and everything is kept.

    \b
    Example: pedl experiment archive 3
    """
    from pedl.experiment import load_experiment

    load_experiment(experiment_id, home).archive(not undo)
    say(f"Experiment {experiment_id} is {'no longer archived' if undo else 'archived; list it with --all'}.")


@experiment.command()
@experiment_argument
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@home_option
def delete(experiment_id: int, yes: bool, home: str) -> None:
    """Delete experiment ID with its checkpoints and logs, for good.

    \b
    Example: pedl experiment delete 3 --yes
    """
    from pedl.experiment import load_experiment

    found = load_experiment(experiment_id, home)
    if not yes and not click.confirm(f"Delete experiment {experiment_id} with its checkpoints and logs?", err=True):
        say("Nothing was deleted.")
        raise click.exceptions.Exit(INTERRUPTED)
    found.delete()
    say(f"Deleted experiment {experiment_id}.")
