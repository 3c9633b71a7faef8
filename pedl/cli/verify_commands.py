"""`pedl experiment verify` and `pedl trial verify`: they end with 1 if anything differs."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedl.cli.group import DIFFERS
from pedl.cli.options import (
    experiment_argument,
    file_to_write,
    home_option,
    json_option,
    trial_argument,
    workers_option,
)
from pedl.cli.output import say, show_json
from pedl.display.words import command_line

if TYPE_CHECKING:
    from pedl.verify.verifying import News

trials_option = click.option(
    "--trial",
    "trials",
    type=click.IntRange(min=1),
    multiple=True,
    metavar="N",
    help="Only this trial; may be given again.",
)


@click.command()
@experiment_argument
@trials_option
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=file_to_write,
    metavar="FILE",
    help="Write what was checked, and digests of all that it was checked on.",
)
@workers_option
@json_option
@home_option
def verify(
    experiment_id: int,
    trials: tuple[int, ...],
    certificate: Path | None,
    workers: int | None,
    as_json: bool,
    home: str,
) -> None:
    """Run experiment ID again from its record, and say whether it comes out the same, or where and why not.

    It takes as long as training did, and leaves only its certificate. Exit code: 0 identical, 1 if anything differs.

    \b
    Example: pedl experiment verify 3 --trial 2
    """
    run_verification(experiment_id, list(trials) or None, workers, as_json, home, certificate)


@click.command("verify")
@trial_argument
@json_option
@home_option
def verify_trial(trial: tuple[int, int], as_json: bool, home: str) -> None:
    """Run trial E/T again from its record, and say whether it comes out the same, or where and why not.

    \b
    Example: pedl trial verify 3/2
    """
    experiment_id, trial_id = trial
    run_verification(experiment_id, [trial_id], 1, as_json, home)


def run_verification(
    experiment_id: int,
    trials: Sequence[int] | None,
    workers: int | None,
    as_json: bool,
    home: str,
    certificate: Path | None = None,
) -> None:
    """Verifies, tells what happens on standard error, prints the result, and ends the command."""
    from pedl.experiment import load_experiment
    from pedl.verify.last import keep, verify_and_certify
    from pedl.verify.lines import first_line, news_lines

    def tell(news: News) -> None:
        for line in news_lines(experiment_id, news):
            say(line)

    experiment = load_experiment(experiment_id, home)
    say(first_line(experiment_id, trials))
    found, content = verify_and_certify(experiment, workers, trials, tell)
    if as_json:
        show_json(found.to_dict())
    else:
        click.echo(found)
        for it in found.differing[1:2]:
            another = command_line(home, f"trial verify {experiment_id}/{it.trial_id}")
            click.echo(f"See another that differs in full: {another}")
    if trouble := keep(experiment, content):
        say(f"Note: {trouble}")
    if certificate is not None:
        _write(content, certificate, home)
    raise click.exceptions.Exit(0 if found.identical else DIFFERS)


def _write(content: dict[str, Any], file: Path, home: str) -> None:
    from pedl.cli.certificate import certificate_lines
    from pedl.verify.certificate import write

    write(content, file)
    check = command_line(home, f"certificate check {shlex.quote(str(file))}")
    for line in (*certificate_lines(content), f"It is in {file}; check it with: {check}"):
        say(line)
