"""`pedl report`: an experiment as one page."""

from __future__ import annotations

from pathlib import Path

import click

from pedl.cli.options import experiment_argument, file_to_write, home_option
from pedl.cli.output import say


@click.command()
@experiment_argument
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=file_to_write,
    metavar="FILE",
    help="Where to write it. Default: experiment-ID.html",
)
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@home_option
def report(experiment_id: int, output: Path | None, open_it: bool, home: str) -> None:
    """Write experiment ID as one HTML page: what was verified, curves, hyperparameters, every trial.

    The page is one file, which needs no network, and can be sent to others.

    \b
    Example: pedl report 3 --open
    """
    from pedl.experiment import load_experiment

    file = (output or Path(f"experiment-{experiment_id}.html")).absolute()
    load_experiment(experiment_id, home).report(file)
    say(f"Wrote experiment {experiment_id} to:")
    click.echo(str(file))
    if open_it:
        click.launch(file.as_uri())
