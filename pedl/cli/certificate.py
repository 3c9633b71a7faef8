"""`pedl certificate ...`: what a certificate says, held against the experiment that it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pedl.cli.group import Group
from pedl.cli.options import home_option, json_option, workers_option
from pedl.cli.output import say, show_json
from pedl.display.words import counted


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
    from pedl.verify import verify_experiment
    from pedl.verify.certificate import disagreements, read

    content = read(file)
    experiment = load_experiment(content["experiment"], home)
    differing = disagreements(content, experiment)
    again = None
    trials = [it["trial_id"] for it in content["verification"]["trials"]]
    if rerun and trials:
        say(f"Running {counted(len(trials), 'trial')} of experiment {experiment.id} again from its record ...")
        again = verify_experiment(experiment, workers, trials)
    agrees = not differing and content["identical"] and (again is None or again.identical)
    if as_json:
        result = {"agrees": agrees, "disagreements": differing, "complete": content["complete"], "rerun": None}
        show_json(result if again is None else {**result, "rerun": again.to_dict()})
    else:
        click.echo("\n".join(_lines(content, differing, rerun, again)))
    if not agrees:
        raise click.exceptions.Exit(1)


def certificate_lines(content: dict[str, Any]) -> list[str]:
    """Returns what a certificate says, for people."""
    whole = "complete" if content["complete"] else "partial"
    result = "identical" if content["identical"] else "NOT identical"
    lines = [f"Certificate of experiment {content['experiment']}: {result}, {whole}, executed {content['began_at']}."]
    lines += [f"  {it['check']}: {it['count']}" for it in content["executed"]]
    lines += [f"  not executed: {it}" for it in content["not_executed"]]
    return lines


def _lines(content: dict[str, Any], differing: list[str], rerun: bool, again: Any) -> list[str]:
    lines = certificate_lines(content)
    if differing:
        lines.append("The experiment is not what the certificate is about:")
        lines += [f"  {it}" for it in differing]
    else:
        lines.append("The experiment has every digest of the certificate.")
    if again is not None:
        lines.append(f"Run again: {'identical' if again.identical else 'it differs'}.")
    elif rerun:
        lines.append("Nothing was run again: the certificate names no trial that was.")
    else:
        lines.append("Nothing was run again; --rerun does.")
    return lines
