"""`pedl experiment verify`, `compare` and `pedl trial verify`: they end with 1 if anything differs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedl.cli.options import (
    command_line,
    experiment_argument,
    home_option,
    json_option,
    trial_argument,
    trial_name,
    workers_option,
)
from pedl.cli.output import say, show_json
from pedl.display.words import counted

if TYPE_CHECKING:
    from pedl.experiment import Experiment
    from pedl.verify import Difference, TrialVerification, Verification
    from pedl.verify.compare import Comparison
    from pedl.verify.verifying import News

DIFFERS = 1
"""The exit code of a verification or a comparison that found a difference."""


MOST_DIFFERENCES = 5
"""Differences of one kind that `compare` shows; the JSON has all."""


def side_name(text: str) -> tuple[int, int | None]:
    """Returns the numbers of an experiment, "3", or of a trial, "3/12"."""
    if "/" in text:
        return trial_name(text)
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither; expected an experiment, such as 3, or a trial, such as 3/12")
    return int(text), None


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

    It takes as long as training did, and changes nothing. Exit code: 0 identical, 1 if anything differs.

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
    from pedl.verify import verify_experiment

    def tell(news: News) -> None:
        for line in news_lines(experiment_id, news):
            say(line)

    experiment = load_experiment(experiment_id, home)
    say(f"Running experiment {experiment_id} again from its record ...")
    if certificate is not None and not certificate.absolute().parent.is_dir():
        raise click.BadParameter(f"{certificate.absolute().parent} is no directory", param_hint="--certificate")
    began = datetime.now(timezone.utc)
    found = verify_experiment(experiment, workers, trials, tell)
    if certificate is not None:
        _certify(experiment, found, began, certificate)
    if as_json:
        show_json(found.to_dict())
    else:
        click.echo("\n".join(result_lines(found, home)))
    raise click.exceptions.Exit(0 if found.identical else DIFFERS)


def _certify(experiment: Experiment, found: Verification, began: datetime, file: Path) -> None:
    from pedl.cli.certificate import certificate_lines
    from pedl.verify.certificate import certificate, write

    content = certificate(experiment, found, began, datetime.now(timezone.utc))
    write(content, file)
    for line in (*certificate_lines(content), f"It is in {file}; check it with: pedl certificate check {file}"):
        say(line)


def news_lines(experiment_id: int, news: News) -> list[str]:
    """Returns what is told while a verification runs."""
    from pedl.verify import ProfileDifference

    if isinstance(news, ProfileDifference):
        return [
            f"Numeric profile: {news.entry} was {news.recorded} when it was recorded, and is {news.found} here; "
            f"{news.can_cause}."
        ]
    result = "identical" if news.identical else "differs"
    return [f"trial {experiment_id}/{news.trial_id}: {result}, {_compared(news)}"]


def result_lines(found: Verification, home: str) -> list[str]:
    """Returns what a verification found, for people."""
    lines = [_head(found)]
    lines += [f"  {line}" for line in _all_compared(found)]
    lines += [
        f"The numeric profile differs in {it.entry}: recorded {it.recorded}, found {it.found}."
        for it in found.profile_differences
    ]
    if found.code_change is not None:
        lines.append(f"The recorded copy of the model definition was changed: {found.code_change}.")
    if found.difference is not None:
        lines += _told("The search", found.difference)
    differing = [it for it in found.trials if it.difference is not None]
    for it in differing[:1]:
        lines += _told(f"Trial {found.experiment_id}/{it.trial_id}", it.difference)
    if len(differing) > 1:
        others = ", ".join(
            f"{it.trial_id} ({_place(it.difference)}: {it.difference.cause})"
            for it in differing[1:]
            if it.difference is not None
        )
        lines.append(f"Other trials that differ: {others}.")
        again = command_line(home, f"trial verify {found.experiment_id}/{differing[1].trial_id}")
        lines.append(f"See another in full: {again}")
    lines += [f"Trial {found.experiment_id}/{it.trial_id}: {it.note}." for it in found.trials if it.note]
    return lines


def _place(difference: Difference) -> str:
    return f"batch {difference.batch}" if difference.batch is not None else difference.what


def _head(found: Verification) -> str:
    differing = sum(not it.identical for it in found.trials)
    if found.identical:
        return f"Experiment {found.experiment_id}: identical."
    if differing:
        verb = "differs" if differing == 1 else "differ"
        return f"Experiment {found.experiment_id}: {differing} of {counted(len(found.trials), 'trial')} {verb}."
    return f"Experiment {found.experiment_id}: differs."


def _all_compared(found: Verification) -> list[str]:
    trials = found.trials
    single = f"{counted(sum(it.tensors for it in trials), 'tensor')} one by one"
    metrics = counted(sum(it.metrics for it in trials), "metric")
    checkpoints = counted(sum(it.checkpoints for it in trials), "checkpoint")
    weights = counted(sum(it.weights for it in trials), "trial")
    return [
        f"{counted(len(trials), 'trial')}, {counted(found.decisions, 'decision')} of the search",
        f"{counted(sum(it.batches for it in trials), 'batch')}: the data of each and all variables after it",
        f"{single}, {metrics}, {checkpoints}, the final weights of {weights}",
    ]


def _compared(it: TrialVerification) -> str:
    return f"{counted(it.steps, 'step')}, {counted(it.batches, 'batch')}, {counted(it.tensors, 'tensor')} compared"


def _told(who: str, difference: Difference | None) -> list[str]:
    assert difference is not None
    first, *rest = difference.message.splitlines()
    return [f"{who} differs first in {first}", *(f"  {line}" for line in rest)]


@click.command("compare")
@click.argument("one", metavar="A", type=side_name)
@click.argument("other", metavar="B", type=side_name)
@json_option
@home_option
def compare_two(one: tuple[int, int | None], other: tuple[int, int | None], as_json: bool, home: str) -> None:
    """Compare experiments A and B, or trials E/T, from their records: where do they differ first?

    Nothing is run. Exit code: 0 identical, 1 if anything differs.

    \b
    Examples: pedl experiment compare 1 2
              pedl experiment compare 1/3 2/3
    """
    from pedl.experiment import load_experiment
    from pedl.verify.compare import Side, compare

    found = compare(*(Side(load_experiment(it[0], home), it[1]) for it in (one, other)))
    if as_json:
        show_json(found.to_dict())
    else:
        click.echo("\n".join(_side_by_side(found)))
    raise click.exceptions.Exit(0 if found.identical else DIFFERS)


def _side_by_side(found: Comparison) -> list[str]:
    verdict = "identical" if found.first is None else f"they differ first in their {found.first.name}"
    lines = [f"{found.one} and {found.other}: {verdict}."]
    for section in found.sections:
        lines.append(f"  {section.name}: {'equal' if section.equal else 'differs'}")
        lines += [f"    {line}" for line in section.differences[:MOST_DIFFERENCES]]
        if len(section.differences) > MOST_DIFFERENCES:
            lines.append(f"    and {len(section.differences) - MOST_DIFFERENCES} more (--json has all)")
    return lines
