"""`pedl preview-search`: what a configuration will cost."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedl.cli.options import json_option
from pedl.cli.output import say_notes, show_json
from pedl.display.words import counted, pairs

if TYPE_CHECKING:
    from pedl.config import ExperimentConfig
    from pedl.config.hparams import Parameter


@click.command("preview-search")
@click.argument("config", type=click.Path(path_type=Path))
@json_option
def preview_search(config: Path, as_json: bool) -> None:
    """Show the trials and steps that CONFIG will cost. Nothing is created or trained.

    \b
    Example: pedl preview-search examples/mnist/random.yaml
    """
    from pedl.config import doubts_about, read_config
    from pedl.search import preview

    settings = read_config(config)
    plan = preview(settings)
    say_notes(doubts_about(settings))
    if as_json:
        show_json(plan)
        return
    click.echo("\n".join([*_lines(plan), *_space_lines(settings)]))


def _lines(plan: dict[str, Any]) -> list[str]:
    direction = "smallest" if plan["smaller_is_better"] else "largest"
    lines = [f"Search: {plan['searcher']}, for the {direction} {plan['metric']}"]
    for number, bracket in enumerate(plan["brackets"], start=1):
        if len(plan["brackets"]) > 1:
            lines.append(f"Bracket {number}: {counted(bracket['total_steps'], 'step')}")
        for rung in bracket["rungs"]:
            batches = counted(rung["steps"] * plan["batches_per_step"], "batch")
            lines.append(f"  {counted(rung['trials'], 'trial')} for {counted(rung['steps'], 'step')} ({batches}) each")
    if not plan["exact"]:
        lines.append("How many trials reach a rung depends on their results; shown are trials of equal quality.")
    totals = [counted(plan["trials"], "trial"), counted(plan["total_steps"], "step")]
    lines.append(f"Total: {', '.join([*totals, counted(plan['total_batches'], 'batch')])}")
    return lines


def _space_lines(config: ExperimentConfig) -> list[str]:
    space = config.hyperparameters.flat()
    return ["Hyperparameters:" if space else "Hyperparameters: none", *(_line(*entry) for entry in space.items())]


def _line(path: str, parameter: Parameter) -> str:
    from pedl.config import range_of

    fields = parameter.model_dump(exclude={"type"}, exclude_none=True)
    values = " ({:.6g} .. {:.6g})".format(*range_of(parameter)) if parameter.type == "log" else ""
    return f"  {path}: {parameter.type} {pairs(fields)}{values}"
