"""`pedl certificate ...`: what a certificate says, held against the experiment that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedl.cli.group import DIFFERS, Group
from pedl.cli.options import home_option, json_option, workers_option
from pedl.cli.output import say, show_json
from pedl.display.words import counted

if TYPE_CHECKING:
    from pedl.experiment import Experiment
    from pedl.verify.result import Verification


@click.group(cls=Group)
def certificate() -> None:
    """Check certificates, which `pedl experiment verify ID --certificate FILE` writes.

    \b
    Example: pedl certificate check digits.json
    """


@certificate.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rerun", is_flag=True, help="Run again the trials that the certificate covers, and compare.")
@workers_option
@json_option
@home_option
def check(file: Path, rerun: bool, workers: int | None, as_json: bool, home: str) -> None:
    """Compare certificate FILE with the experiment that it is about: every digest, the code, the checkpoints.

    Exit code: 0 if all agrees and the certificate says identical, 1 if anything differs, 2 if FILE was changed.

    \b
    Example: pedl certificate check digits.json --rerun
    """
    from pedl.experiment import load_experiment
    from pedl.verify.certificate import disagreements, read

    content = read(file)
    experiment = load_experiment(content["experiment"], home)
    differing = disagreements(content, experiment)
    if not as_json:
        click.echo("\n".join([*certificate_lines(content), *_compared(differing)]))
    again = _run_again(experiment, content, workers) if rerun else None
    agrees = not differing and content["identical"] and (again is None or again.identical)
    if as_json:
        result = {"agrees": agrees, "disagreements": differing, "complete": content["complete"], "rerun": None}
        show_json(result if again is None else {**result, "rerun": again.to_dict()})
    elif again is not None:
        click.echo(f"Run again. {again}")
    elif rerun:
        click.echo("Nothing was run again: the certificate names no trial that the experiment has.")
    else:
        click.echo("Nothing was run again; --rerun does.")
    if not agrees:
        raise click.exceptions.Exit(DIFFERS)


def certificate_lines(content: dict[str, Any]) -> list[str]:
    """Returns what a certificate says, for people."""
    whole = "complete" if content["complete"] else "partial"
    result = "identical" if content["identical"] else "NOT identical"
    lines = [f"Certificate of experiment {content['experiment']}: {result}, {whole}, executed {content['began_at']}."]
    lines += [f"  {it['check']}: {it['count']}" for it in content["executed"]]
    lines += [f"  not executed: {it}" for it in content["not_executed"]]
    return lines


def _compared(differing: list[str]) -> list[str]:
    if not differing:
        return ["The experiment has every digest of the certificate."]
    return ["The experiment is not what the certificate is about:", *(f"  {it}" for it in differing)]


def _run_again(experiment: Experiment, content: dict[str, Any], workers: int | None) -> Verification | None:
    """Runs the trials of a certificate again, as far as the experiment has them; None if it has none of them."""
    from pedl.verify import verify_experiment
    from pedl.verify.lines import news_lines

    here = {trial["id"] for trial in experiment.describe()["trials"]}
    trials = [it["trial_id"] for it in content["verification"]["trials"] if it["trial_id"] in here]
    if not trials:
        return None
    say(f"Running {counted(len(trials), 'trial')} of experiment {experiment.id} again from its record ...")
    return verify_experiment(experiment, workers, trials, lambda news: say("\n".join(news_lines(experiment.id, news))))
