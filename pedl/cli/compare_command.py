"""`pedl experiment compare`: two records side by side, from what was recorded of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from pedl.cli.completion import sides
from pedl.cli.group import DIFFERS
from pedl.cli.options import home_option, json_option, trial_name
from pedl.cli.output import show_json
from pedl.display.words import counted

if TYPE_CHECKING:
    from pedl.verify.compare import Comparison

MOST_DIFFERENCES = 5
"""Differences of one kind that `compare` shows; the JSON has all."""


def side_name(text: str) -> tuple[int, int | None]:
    """Returns the numbers of an experiment, "3", or of a trial, "3/12"."""
    if "/" in text:
        return trial_name(text)
    if not text.isdecimal() or int(text) < 1:
        raise click.BadParameter(f"{text!r} is neither; expected an experiment, such as 3, or a trial, such as 3/12")
    return int(text), None


@click.command("compare")
@click.argument("one", metavar="A", type=side_name, shell_complete=sides)
@click.argument("other", metavar="B", type=side_name, shell_complete=sides)
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
    recorded = counted(found.batches, "batch")
    same = f"identical, {recorded}" if found.over else f"identical, as far as recorded, {recorded}"
    verdict = same if found.first is None else f"they differ first in their {found.first.name}"
    lines = [f"{found.one} and {found.other}: {verdict}."]
    for section in found.sections:
        lines.append(f"  {section.name}: {'equal' if section.equal else 'differs'}")
        lines += [f"    {line}" for line in section.differences[:MOST_DIFFERENCES]]
        if len(section.differences) > MOST_DIFFERENCES:
            lines.append(f"    and {len(section.differences) - MOST_DIFFERENCES} more (--json has all)")
    return lines
