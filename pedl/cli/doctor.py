"""`pedl doctor`: this machine's numeric profile, what would keep another machine from agreeing, and whether it does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedl.cli.group import DIFFERS
from pedl.cli.options import json_option
from pedl.cli.output import say, show_json
from pedl.display.words import brief, counted, pairs

if TYPE_CHECKING:
    from pedl.verify.machines import Kind, Machines


@click.command()
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Compare with another machine, where `pedl doctor --json > FILE` was run.",
)
@json_option
def doctor(against: Path | None, as_json: bool) -> None:
    """Show versions, cores and the numeric profile, and what would keep another machine from agreeing.

    With --json it also computes for a second or two: matrix products, convolutions, LSTM, sums and more, whose digests
    --against compares. Exit code: 0, or 1 if TensorFlow does not start or the machines differ.

    \b
    Examples: pedl doctor
              pedl doctor --json > this-machine.json
              pedl doctor --against that-machine.json
    """
    from pedl.config.schema import Reproducibility
    from pedl.experiment.profile import resolve_onednn
    from pedl.verify.machine import examine
    from pedl.verify.machines import compare, read

    there = None if against is None else read(against)
    # An experiment keeps what `onednn: auto` was where it was created: that is what would be computed here.
    asked = Reproducibility() if there is None else Reproducibility(onednn=there["numeric_profile"]["onednn"])
    here = examine(as_json or there is not None, asked)
    started = here["numeric_profile"] is not None
    found = compare(there, here, resolve_onednn("auto")) if started and there is not None else None
    if as_json:
        show_json(here if found is None else found.to_dict())
    else:
        click.echo("\n".join(_lines(here) if found is None or there is None else _compared(there, here, found)))
    if not started:
        say(f"TensorFlow does not start, so nothing can be trained here:\n{here['trouble']}")
    raise click.exceptions.Exit(0 if started and (found is None or found.agree) else DIFFERS)


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"pedl {facts['pedl']}, Python {facts['python']}",
        f"Platform: {facts['platform']}",
        f"Processor: {facts['processor']}, {facts['cores']} cores, {facts['usable_cores']} usable",
        f"Packages: {pairs(facts['packages'])}",
    ]
    if facts["numeric_profile"] is not None:
        lines.append("Numeric profile:")
        lines += [f"  {name}: {brief(value)}" for name, value in facts["numeric_profile"].items()]
    if facts["must_agree"]:
        lines.append("Another machine gives the same bits only with:")
        lines += [f"  - {need}" for need in facts["must_agree"]]
        lines.append("The number of cores and of workers may differ. Compare two machines with --against.")
    if facts["ignored_variables"]:
        lines.append("Set in this shell, and not passed on to trials:")
        lines += [f"  {name}: {why}" for name, why in facts["ignored_variables"].items()]
    return lines


def _compared(there: dict[str, Any], here: dict[str, Any], found: Machines) -> list[str]:
    lines = [f"There: {there['processor']}, pedl {there['pedl']}", f"Here: {here['processor']}, pedl {here['pedl']}"]
    if not found.profile:
        lines.append("Numeric profile: the same")
    for it in found.profile:
        entry = f"{it.entry} is {brief(it.recorded)} there and {brief(it.found)} here"
        lines.append(f"Numeric profile: {entry}; {it.can_cause}")
    lines += [_of_kind(kind) for kind in found.kinds]
    return [*lines, _verdict(found)]


def _of_kind(kind: Kind) -> str:
    if not kind.other:
        return f"{kind.name}: the same bits ({'; '.join(kind.same)})"
    rest = f"; but not in {'; '.join(kind.same)}" if kind.same else ""
    return f"{kind.name}: DIFFERENT BITS ({'; '.join(kind.other)}{rest})"


def _verdict(found: Machines) -> str:
    if found.agree:
        tried = counted(sum(len(kind.same) for kind in found.kinds), "operation")
        return (
            f"The machines agree in the profile and in {tried}. That proves these operations in these sizes, and no "
            "others; for a whole training, run one on both and compare their outcomes."
        )
    if others := [kind.name for kind in found.kinds if kind.other]:
        return f"An experiment from there gives other bits here if it computes with: {', '.join(others)}."
    return "No operation that was tried gives other bits, but others may: the profiles differ."
