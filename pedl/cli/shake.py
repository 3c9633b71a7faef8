"""`pedl shake`: which of the things that must not matter moves which bits first."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedl.cli.given import settings_of
from pedl.cli.options import json_option, seed_option
from pedl.cli.output import say, show_json
from pedl.display.words import counted, pairs

if TYPE_CHECKING:
    from pedl.verify.shaken import Finding, Shaken

MEANS = {
    "clock": "reads the clock",
    "entropy": "draws from the operating system",
    "file": "writes where all trials of an experiment work",
    "generator": "has no seed, and pedl gives it none",
    "hash": "differs from process to process, for texts or for addresses",
    "listing": "lists a directory, in no order",
    "locale": "asks for the locale",
    "machine": "asks what the machine or the process is",
    "network": "asks the network",
    "place": "asks where it is",
    "set": "has no order that holds in another process",
    "state": "is in no checkpoint, if nothing else keeps it",
    "turn": "comes in the order of completion",
}
"""Kind of what was met -> what it does."""

POINTS_TO = {
    "nothing": ("clock", "entropy", "generator", "machine", "network", "turn"),
    "directory order": ("listing",),
    "place": ("place", "file"),
    "cores": ("machine",),
    "load": ("turn",),
    "clock": ("clock",),
    "locale": ("locale",),
    "time zone": ("clock", "place"),
    "another trial": ("file",),
    "resumed": ("state",),
    "hash seed": ("set", "hash"),
    "addresses": ("set", "hash"),
}
"""Disturbance -> kinds of what was met that may be why."""


@click.command()
@click.argument("config", type=click.Path(path_type=Path))
@click.argument("model_def", type=click.Path(path_type=Path))
@click.option(
    "--batches",
    type=click.IntRange(min=2),
    default=8,
    metavar="N",
    help="Batches of each run. Default: 8. An odd number is rounded up.",
)
@seed_option
@json_option
def shake(config: Path, model_def: Path, batches: int, seed: int | None, as_json: bool) -> None:
    """Train the first trial of CONFIG and MODEL_DEF for a few batches, repeatedly, in different surroundings.

    Reports which disturbance moves which bits first, and with file and line what the code asked of the world: clocks,
    entropy, directories, the network. It creates nothing and blocks nothing. Exit code: 0 no bit moved, 1 some did.

    \b
    Example: pedl shake examples/mnist/const.yaml examples/mnist --batches 4
    """
    from pedl.verify.shake import shake as shaken_by

    settings = settings_of(config, model_def, seed)
    say(f"Shaking {model_def} ...")
    done = shaken_by(settings, model_def, batches=batches, on_finding=_tell)
    if as_json:
        show_json({**done.to_dict(), "model_definition": str(model_def)})
    else:
        click.echo("\n".join(_lines(done, model_def)))
    if not done.clean:
        raise click.exceptions.Exit(1)


def _tell(finding: Finding) -> None:
    outcome = "not run" if finding.not_run else "same bits" if finding.moved is None else "moved"
    say(f"  {finding.disturbance.name}: {outcome}")


def _lines(done: Shaken, model_def: Path) -> list[str]:
    runs = counted(done.batches, "batch")
    lines = [f"Each run: {runs} of a trial with seed {done.trial_seed} {pairs(done.hparams)}".rstrip()]
    for finding in done.findings:
        lines += _of_finding(finding, done.suspects, model_def)
    if done.suspects:
        lines.append("Met on the way, or read in the source (places to look at, not faults):")
        lines += [f"  {_place(it, model_def)}: {it['call']}, which {MEANS[it['kind']]}" for it in done.suspects]
    lines.append(_result(done))
    return lines


def _of_finding(finding: Finding, suspects: list[dict[str, Any]], model_def: Path) -> list[str]:
    it = finding.disturbance
    if finding.not_run:
        return [f"{it.name} ({it.what}): not run, since {finding.not_run}"]
    if finding.moved is None:
        return [f"{it.name} ({it.what}): same bits"]
    lines = [f"{it.name} ({it.what}): MOVED, {finding.moved.text()}"]
    if finding.cause:
        lines.append(f"  the cause: {finding.cause}; the other disturbances are tried while that stands still")
    if it.held:
        lines.append(f"  held by pedl, so that no training meets it: {it.held}")
    kinds = POINTS_TO[it.name]
    lines += [f"  see {_place(s, model_def)}: {s['call']}" for s in suspects if s["kind"] in kinds]
    return lines


def _place(it: dict[str, Any], model_def: Path) -> str:
    file = model_def if model_def.is_file() else model_def / it["file"]
    return f"{file}, line {it['line']}"


_MOVED_BY = {"nothing": "with nothing disturbed"}


def _result(done: Shaken) -> str:
    if done.clean:
        return f"Clean: no bit moved under {counted(len(done.findings) - 1, 'disturbance')}, nor without one."
    moved = [it for it in done.findings if it.moved is not None]
    held = [it for it in moved if it.disturbance.held]
    left = sum(bool(it.not_run) for it in done.findings)
    not_run = f" {counted(left, 'disturbance')} not run." if left else ""
    if not moved:
        return f"No bit moved.{not_run}"
    names = ", ".join(_MOVED_BY.get(it.disturbance.name, it.disturbance.name) for it in moved)
    return f"Bits moved: {names}.{not_run}" + (" pedl keeps training from meeting it." if held == moved else "")
