"""`pedl experiment replicate` and `rank`: how much of a result is chance, and whether the best trial is beyond that."""

from __future__ import annotations

from typing import Any

import click

from pedl.cli.group import DIFFERS
from pedl.cli.options import (
    experiment_argument,
    home_option,
    json_option,
    trial_argument,
    workers_option,
)
from pedl.cli.output import say, show_json
from pedl.display.words import brief, command_line
from pedl.seeds import STREAMS

_NAMES = {"init": "the initial weights", "order": "the data's order", "dropout": "the random layers"}


def _streams(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(value.split(","))
    for name in names:
        if name not in STREAMS:
            raise click.BadParameter(f"{name!r} is not a stream; expected some of {','.join(STREAMS)}")
    return names


@click.command()
@trial_argument
@click.option(
    "--replications",
    type=click.IntRange(min=2),
    default=5,
    metavar="K",
    help="How often each stream is re-keyed, and all of them together. Default: 5.",
)
@click.option(
    "--vary",
    callback=_streams,
    default=",".join(STREAMS),
    metavar="STREAMS",
    help="Some of init (initial weights), order (of the data), dropout (random layers). Default: init,order,dropout.",
)
@workers_option
@json_option
@home_option
def replicate(
    trial: tuple[int, int], replications: int, vary: tuple[str, ...], workers: int | None, as_json: bool, home: str
) -> None:
    """Train trial E/T again with streams re-keyed, and say how much each of them moves the result.

    It is a separate experiment: trial 1 is E/T again, bit for bit; the others differ in one stream, or in all.
    Exit code: 0, or 1 if trial 1 ends with other weights than E/T.

    \b
    Example: pedl experiment replicate 1/4 --replications 5 --vary init,order,dropout
    """
    from pedl.cli.running import finish, run_here
    from pedl.cli.tables import replication_lines
    from pedl.experiment import load_experiment
    from pedl.experiment.replication import replicate as make

    made = make(load_experiment(trial[0], home), trial[1], replications, vary)
    say(f"Created experiment {made.id}, a replication of {trial[0]}/{trial[1]}.")
    run_here(made, workers)
    described = made.describe()
    if described["state"] == "PAUSED":
        say(f"Once it is over, what it found is in: {command_line(home, f'experiment describe {made.id}')}")
    if described["state"] != "COMPLETED":
        finish(made, home, as_json)
    report = {"experiment": made.id, **described["replication"]}
    if as_json:
        show_json(report)
    else:
        click.echo("\n".join(replication_lines(report, over=True)))
    say(f"See more: {command_line(home, f'experiment describe {made.id}')}")
    raise click.exceptions.Exit(DIFFERS if report["identical"] is False else 0)


@click.command()
@experiment_argument
@json_option
@home_option
def rank(experiment_id: int, as_json: bool, home: str) -> None:
    """Show the best trials of experiment ID, and whether the first beats the second beyond the noise.

    The noise is what `pedl experiment replicate` found for either of them; if it varied some streams only, the verdict
    names them.

    \b
    Example: pedl experiment rank 1
    """
    from pedl.experiment import load_experiment
    from pedl.experiment.significance import rank_report

    report = rank_report(load_experiment(experiment_id, home))
    if as_json:
        show_json(report)
        return
    for trial in report["trials"]:
        noise = _noise(trial["replications"], report["streams"])
        click.echo(f"{report['id']}/{trial['id']}: {report['metric']} {brief(trial['value'])}{noise}")
    click.echo("\n".join([*report["left_out"], _verdict(report, home)]))


def _noise(found: dict[str, Any] | None, streams: list[str]) -> str:
    if found is None:
        return ""
    only = "" if set(found["streams"]) == set(streams) else f" varying {', '.join(found['streams'])}"
    return f" (replicated{only}: mean {brief(found['mean'])}, spread {brief(found['spread'])})"


def _verdict(report: dict[str, Any], home: str) -> str:
    names = [f"{report['id']}/{trial['id']}" for trial in report["trials"][:2]]
    if len(names) < 2:
        return "There are fewer than two trials to compare."
    if report["verdict"] == "unknown" and any(trial["replications"] for trial in report["trials"][:2]):
        return f"{names[0]} and {names[1]} cannot be compared: one of them has no finite {report['metric']}."
    if report["verdict"] == "unknown":
        left_out = any(f"repeats {name}," in it for name in names for it in report["left_out"])
        because = "no replication of either tells" if left_out else "neither was replicated"
        return (
            f"Whether {names[0]} beats {names[1]} by more than chance is unknown: {because}. "
            f"Find out with: {command_line(home, f'experiment replicate {names[0]}')}"
        )
    limit = f"chance alone stays below {report['threshold']:.2f} in at least 95 of 100 cases"
    verdict = (
        f"{names[0]} beats {names[1]} beyond the noise"
        if report["verdict"] == "best"
        else f"{names[0]} and {names[1]} cannot be told apart from the noise"
    )
    if held := [_NAMES[stream] for stream in STREAMS if stream not in report["streams"]]:
        verdict += f" of {' and '.join(_NAMES[stream] for stream in report['streams'])} alone"
    verdict += f" (t = {report['t']:.2f}; {limit})."
    if held:
        again = command_line(home, f"experiment replicate {names[0]}")
        verdict += f" The noise of {' and '.join(held)} is not known; to vary all: {again}"
    return verdict
