"""`pedl experiment create`, `activate` and `wait`: what runs experiments, and ends with how they ended."""

from __future__ import annotations

from pathlib import Path

import click

from pedl.cli.given import settings_of
from pedl.cli.group import INTERRUPTED
from pedl.cli.options import (
    detach_option,
    experiment_argument,
    home_option,
    json_option,
    seed_option,
    workers_option,
)
from pedl.cli.output import say, say_notes
from pedl.display.words import command_line


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("model_def", type=click.Path(path_type=Path))
@seed_option
@workers_option
@click.option("--paused", is_flag=True, help="Create it, and train nothing yet.")
@detach_option
@click.option("--test-mode", is_flag=True, help="Train one trial for one step of one batch, to see that all works.")
@json_option
@home_option
def create(
    config: Path,
    model_def: Path,
    seed: int | None,
    workers: int | None,
    paused: bool,
    detach: bool,
    test_mode: bool,
    as_json: bool,
    home: str,
) -> None:
    """Create an experiment from CONFIG (YAML) and MODEL_DEF (a directory or one .py file), and run it here.

    Everything is checked first; if anything is wrong, nothing is created. Ctrl-C pauses.

    \b
    Examples: pedl experiment create examples/mnist/random.yaml examples/mnist
              pedl experiment create random.yaml model_def.py --seed 7 --workers 2
    """
    from pedl.cli.running import run, run_detached, show_result
    from pedl.config import told_with_line
    from pedl.experiment import create_experiment

    if paused and detach:
        raise click.UsageError("--paused and --detach exclude each other: what is paused does not run.")
    settings = settings_of(config, model_def, seed)
    say(f"Checking {model_def} with TensorFlow ...")
    try:
        settings = settings.in_test_mode() if test_mode else settings
        with told_with_line(config):
            made = create_experiment(settings, model_def, home, keep_warm=not (paused or detach))
    except KeyboardInterrupt as interrupt:
        say(str(interrupt) or "Interrupted before anything was created.")
        raise click.exceptions.Exit(INTERRUPTED) from None
    say(f"Created experiment {made.id} with seed {made.config.reproducibility.experiment_seed}.")
    say_notes(made.describe()["messages"])
    if paused:
        say(f"Run it with: {command_line(home, f'experiment activate {made.id}')}")
        show_result(made, home, as_json)
    elif detach:
        run_detached(made, home, workers, as_json)
    else:
        run(made, home, workers, as_json)


@click.command()
@experiment_argument
@workers_option
@detach_option
@click.option("--accept-profile-change", is_flag=True, help="Continue although bits may differ on this machine.")
@json_option
@home_option
def activate(
    experiment_id: int, workers: int | None, detach: bool, accept_profile_change: bool, as_json: bool, home: str
) -> None:
    """Resume experiment ID after a pause, a crash, or the end of the process that ran it.

    \b
    Example: pedl experiment activate 3 --workers 2
    """
    from pedl.cli.running import run, run_detached
    from pedl.experiment import load_experiment

    found = load_experiment(experiment_id, home)
    if detach:
        run_detached(found, home, workers, as_json, accept_profile_change)
    else:
        run(found, home, workers, as_json, accept_profile_change)


@click.command()
@experiment_argument
@json_option
@home_option
def wait(experiment_id: int, as_json: bool, home: str) -> None:
    """Wait until experiment ID is over, or nobody runs it any more.

    Exit code: 0 completed, 1 failed or canceled, 130 paused.

    \b
    Example: pedl experiment create random.yaml . --detach && pedl experiment wait 3
    """
    from pedl.cli.running import finish
    from pedl.experiment import load_experiment

    found = load_experiment(experiment_id, home)
    found.wait()
    finish(found, home, as_json)
