"""`pedl experiment pause`, `cancel` and `kill`: what another terminal asks of the process that runs an experiment.

A request is left in the home and read by that process within a fraction of a second; nothing here waits for it.
"""

from __future__ import annotations

import click

from pedl.cli.options import experiment_argument, home_option
from pedl.cli.output import say
from pedl.display.words import command_line


@click.command()
@experiment_argument
@home_option
def pause(experiment_id: int, home: str) -> None:
    """Ask the process that runs experiment ID to checkpoint and end; `activate` resumes it.

    \b
    Example: pedl experiment pause 3 && pedl experiment wait 3
    """
    from pedl.experiment import load_experiment

    found = load_experiment(experiment_id, home)
    if found.pause():
        say(f"Experiment {experiment_id} pauses: its trials save a checkpoint at the end of a step.")
        say(f"Wait for it: {command_line(home, f'experiment wait {experiment_id}')}")
    else:
        say(f"No process runs experiment {experiment_id}; it is {found.state}.")


@click.command()
@experiment_argument
@home_option
def cancel(experiment_id: int, home: str) -> None:
    """End experiment ID for good, after a checkpoint of what runs; its results are kept.

    \b
    Example: pedl experiment cancel 3
    """
    _end(experiment_id, home, at_once=False)


@click.command()
@experiment_argument
@home_option
def kill(experiment_id: int, home: str) -> None:
    """End experiment ID for good and at once; what was not checkpointed is lost.

    \b
    Example: pedl experiment kill 3
    """
    _end(experiment_id, home, at_once=True)


def _end(experiment_id: int, home: str, at_once: bool) -> None:
    from pedl.experiment import load_experiment

    if load_experiment(experiment_id, home).cancel(at_once):
        how = "at once" if at_once else "when its trials have saved a checkpoint, at the end of a step"
        say(f"Experiment {experiment_id} ends {how}.")
    else:
        say(f"Experiment {experiment_id} is CANCELED.")
