"""Experiments and trials as tables and lines for people. Everything is drawn from what `--json` prints."""

from __future__ import annotations

import math
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pedl.cli.output import say, say_notes
from pedl.display.board import best_trial
from pedl.display.rungs import rung_lines
from pedl.display.trials import plain_table, searched_hparams, trial_state, trials_table
from pedl.display.words import brief, command_line, counted, escaped, one_line, pairs
from pedl.jsontext import flat

MOST_ROWS = 200
"""Trials that `describe` shows, and experiments that `list` does; the JSON has all."""


def show_table(table: Table) -> None:
    """Writes a table to standard output, as wide as it needs to be where that is no terminal."""
    console = _console()
    if not console.is_terminal:
        console.width = _width(table, console)
    console.print(table)


def _console() -> Console:
    # Asked of the file: FORCE_COLOR would have Rich write to a program as to a terminal.
    return Console(highlight=False, force_terminal=None if sys.stdout.isatty() else False)


def _width(table: Table, console: Console) -> int:
    return console.measure(table, options=console.options.update(max_width=sys.maxsize)).maximum


def _show_trials(described: dict[str, Any], trials: list[dict[str, Any]]) -> None:
    """Writes a table of trials; on a terminal that is too narrow for it, their hyperparameters are lines below."""
    console, table = _console(), trials_table(described, trials)
    if not console.is_terminal or _width(table, console) <= console.width:
        show_table(table)
        return
    show_table(trials_table(described, trials, narrow=True))
    for trial in trials:
        click.echo(f"{described['id']}/{trial['id']}: {searched_hparams(described, trial)}")


def show_experiments(entries: list[dict[str, Any]], home: str) -> None:
    """Writes the newest experiments to standard output, oldest first, and how to see more to standard error."""
    show_table(experiments_table(entries[-MOST_ROWS:]))
    if len(entries) > MOST_ROWS:
        more = command_line(home, "experiment list --json")
        say(f"The last {MOST_ROWS} of {len(entries)} experiments are shown; all: {more}")


def experiments_table(entries: list[dict[str, Any]]) -> Table:
    """Returns a row for each experiment of `list`."""
    table = plain_table("ID", "State", "Trials", "Best", "Created", "Labels", "Description")
    for entry in entries:
        best = "" if entry["best_trial"] is None else f"{entry['id']}/{entry['best_trial']}"
        state = entry["state"] + (" (archived)" if entry["archived"] else "")
        trials = f"{entry['trials_over']}/{entry['trials']}"
        labels, description = ", ".join(entry["labels"]), one_line(entry["description"])
        cells = (str(entry["id"]), state, trials, best, entry["created_at"], labels, description)
        table.add_row(*(Text(escaped(cell)) for cell in cells))
    return table


def best_trial_lines(described: dict[str, Any]) -> list[str]:
    """Returns the best trial: its id, metrics and hyperparameters."""
    best = best_trial(described)
    if best is None:
        return []
    metric = described["config"]["searcher"]["metric"]
    metrics = best["validation"][-1]["metrics"]
    others = pairs({name: value for name, value in metrics.items() if name != metric})
    head = f"Best trial: {described['id']}/{best['id']}, {metric} {brief(metrics.get(metric))}"
    lines = [f"{head} ({others})" if others else head]
    return lines + [f"  {path}: {brief(value)}" for path, value in flat(best["hparams"]).items()]


_SAME = {
    True: "the same weights, bit for bit",
    False: "OTHER WEIGHTS: it is not reproduced here",
    None: "its repetition, trial 1, has no end to compare with it",
}


def replication_lines(report: dict[str, Any] | None, over: bool) -> list[str]:
    """Returns what a replication found: its groups of trials, and which stream causes how much, if it is over."""
    if report is None:
        return []
    original = f"{report['metric']} {_brief(report['original'])}"
    lines = [f"Replication of {report['of']}: {original}, {_SAME[report['identical']]}"]
    for group in report["groups"]:
        spread = f"mean {_brief(group['mean'])}, spread {_brief(group['spread'])}"
        lines.append(f"  {', '.join(group['streams'])}: {spread} ({counted(len(group['values']), 'trial')})")
    for streams, share in (report["shares"] or {}).items():
        names = streams.split(",")
        causes = f"{' and '.join(names)} {'cause' if len(names) > 1 else 'causes'}"
        lines.append(f"  {causes} {share:.0%} of the variance of single streams")
    if report["shares"]:
        # The standard error of a normal variance from n values, as a part of it: sqrt(2 / (n - 1)).
        count = min(len(group["values"]) for group in _sharing(report))
        rough = f"  Known roughly: a variance from {counted(count, 'trial')} is off by {math.sqrt(2 / (count - 1)):.0%}"
        lines.append(f"{rough} of itself in general; more --replications tell more")
    lacking = _lacking(report) if over else []
    return lines + [f"  The shares are unknown: {it} has fewer than 2 finite results" for it in lacking]


def _lacking(report: dict[str, Any]) -> list[str]:
    return [" and ".join(group["streams"]) for group in _sharing(report) if group["spread"] is None]


def _sharing(report: dict[str, Any]) -> list[dict[str, Any]]:
    """The groups that have a share each: the last of several is that of all streams together."""
    groups: list[dict[str, Any]] = report["groups"]
    return groups[:-1] or groups


def _brief(value: Any) -> str:
    return "unknown" if value is None else brief(value)


def show_experiment(described: dict[str, Any], home: str) -> None:
    """Writes an experiment to standard output, and how to see more to standard error."""
    facts = {
        "Experiment": described["id"],
        "State": described["state"] + (" (archived)" if described["archived"] else ""),
        "Description": described["description"],
        "Labels": ", ".join(described["labels"]),
        "Seed": described["experiment_seed"],
        "Model definition": described["model_definition_sha256"],
        "Started from": pairs(described["source"] or {}),
        "Outcome": described["outcome_sha256"],
        "Numeric profile": pairs(described["numeric_profile"]),
        "Workers waited for decisions": f"{described['waited_s']:.1f} s" if described["waited_s"] else "",
    }
    click.echo("\n".join(f"{name}: {value}" for name, value in facts.items() if value not in ("", None)))
    replication = replication_lines(described["replication"], over=described["state"] == "COMPLETED")
    lines = [*best_trial_lines(described), *rung_lines(described), *replication]
    click.echo("\n".join(lines))
    _show_trials(described, described["trials"][:MOST_ROWS])
    if len(described["trials"]) > MOST_ROWS:
        words = f"experiment describe {described['id']} --json"
        say(f"The first {MOST_ROWS} of {len(described['trials'])} trials are shown; all: {command_line(home, words)}")
    say_notes(described["messages"])


def show_trial(described: dict[str, Any], trial: dict[str, Any], home: str) -> None:
    """Writes a trial to standard output, and how to see more to standard error."""
    name = f"{described['id']}/{trial['id']}"
    facts = {
        "Trial": name + (" (the best)" if trial["id"] == described["best_trial"] else ""),
        "State": trial_state(trial),
        "Seed": trial["trial_seed"],
        "Done": ", ".join(
            counted(trial[key], noun)
            for key, noun in (("steps_completed", "step"), ("batches_completed", "batch"), ("restarts", "restart"))
        ),
        "Clone of": None if trial["parent"] is None else "{trial_id}, after step {step}".format(**trial["parent"]),
        "Rung": None if trial["rung"] is None else "{rung} of {rungs}, bracket {bracket}".format(**trial["rung"]),
        "Stopped": trial["stopped"] or None,
        "Weights": trial["weights_sha256"],
        "Fingerprint": trial["fingerprint"],
    }
    click.echo("\n".join(f"{fact}: {value}" for fact, value in facts.items() if value is not None))
    click.echo("Hyperparameters:" if trial["hparams"] else "Hyperparameters: none")
    for path, value in flat(trial["hparams"]).items():
        click.echo(f"  {path}: {brief(value)}")
    show_table(_metrics_table(trial))
    for kept in trial["checkpoints"]:
        click.echo(f"Checkpoint of step {kept['step']}: {kept['uuid']}, sha256 {kept['sha256']}")
    for entry in trial["audit"]:
        click.echo(f"Audit: {entry['message']}")
    say_notes(trial["messages"])
    say(f"Its log: {command_line(home, f'trial logs {name}')}")


def _metrics_table(trial: dict[str, Any]) -> Table:
    table = plain_table("Step", "Training", "Validation")
    training = {entry["step"]: pairs(entry["metrics"]) for entry in trial["training"]}
    validation = {entry["step"]: pairs(entry["metrics"]) for entry in trial["validation"]}
    for step in sorted({*training, *validation}):
        table.add_row(str(step), Text(training.get(step, "")), Text(validation.get(step, "")))
    return table
