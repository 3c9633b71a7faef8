"""`pedl preview-search`: what a configuration will cost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from pedl.cli.options import json_option
from pedl.cli.output import flat, pairs, show_json


@click.command("preview-search")
@click.argument("config", type=click.Path(path_type=Path))
@json_option
def preview_search(config: Path, as_json: bool) -> None:
    """Show the trials and steps that CONFIG will cost. Nothing is created or trained.

    \b
    Example: pedl preview-search examples/mnist/random.yaml
    """
    from pedl.config import read_config
    from pedl.search import preview

    plan = preview(read_config(config))
    if as_json:
        show_json(plan)
        return
    click.echo("\n".join(_lines(plan)))


def _lines(plan: dict[str, Any]) -> list[str]:
    direction = "smallest" if plan["smaller_is_better"] else "largest"
    lines = [f"Search: {plan['searcher']}, for the {direction} {plan['metric']}"]
    for work in plan["work"]:
        batches = work["steps"] * plan["batches_per_step"]
        lines.append(f"  {work['trials']:,} trials of {work['steps']:,} steps ({batches:,} batches) each")
    lines.append(f"Total: {plan['trials']:,} trials, {plan['total_steps']:,} steps, {plan['total_batches']:,} batches")
    lines.append("Hyperparameters:" if plan["hyperparameters"] else "Hyperparameters: none")
    for path, parameter in plan["hyperparameters"].items():
        fields = {name: value for name, value in parameter.items() if name != "type" and value is not None}
        lines.append(f"  {path}: {parameter['type']} {pairs(flat(fields))}")
    return lines
