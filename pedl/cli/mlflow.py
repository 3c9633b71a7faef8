"""`pedl mlflow`: an experiment, logged to MLflow."""

from __future__ import annotations

import click

from pedl.cli.options import experiment_argument, home_option
from pedl.cli.output import say
from pedl.display.words import counted


@click.command()
@experiment_argument
@click.option(
    "--tracking-uri", metavar="URI", help="Where MLflow keeps runs. Default: where MLflow itself would, or in ./mlruns."
)
@home_option
def mlflow(experiment_id: int, tracking_uri: str | None, home: str) -> None:
    """Log experiment ID to MLflow: a run, and in it a run for each trial. Prints the run's id.

    Logging it again adds only what is new.

    \b
    Example: pedl mlflow 3 --tracking-uri http://localhost:5000
    """
    from pedl.experiment import load_experiment
    from pedl.report.mlflow_runs import log_to_mlflow

    logged = log_to_mlflow(load_experiment(experiment_id, home), tracking_uri)
    new = f"{counted(logged.trials, 'trial')}, {counted(logged.points, 'new point')}"
    say(f"Logged experiment {experiment_id} to {logged.tracking_uri}: {new}.")
    click.echo(logged.run_id)
