"""Logs: what trials wrote to standard output and standard error."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import click

from pedl.cli.output import show_json
from pedl.experiment import Experiment
from pedl.store.paths import ExperimentPaths

POLL_S = 0.5
"""Seconds between looks at a log that is followed."""


def print_logs(
    experiment: Experiment, trial_id: int | None, tail: int | None, follow: bool, as_json: bool = False
) -> None:
    """Prints the log of a trial, or those of all trials with a prefix on each line.

    Args:
      tail: print only so many lines of each log; None: all.
      follow: go on until no process runs the experiment.
      as_json: print a list of {"trial": number or null, "line": text}; with `follow` such an object on each line.
    """
    read: dict[Path, int] = {}
    while True:
        active = experiment.state == "ACTIVE"  # asked first: what is written before the end is printed
        found: list[tuple[Path, str]] = []
        for log in [experiment.log_file(trial_id)] if trial_id else experiment.log_files():
            text = _news(log, read, follow and active)
            lines = text.splitlines()[-tail:] if tail else [] if tail == 0 else text.splitlines()
            found += [(log, line) for line in lines]
        if as_json and not follow:
            show_json([_entry(*it) for it in found])
        for log, line in found if follow or not as_json else []:
            click.echo(json.dumps(_entry(log, line)) if as_json else line if trial_id else f"{log.stem}| {line}")
        if not (follow and active):
            return
        tail = None
        time.sleep(POLL_S)


def _entry(log: Path, line: str) -> dict[str, Any]:
    return {"trial": ExperimentPaths.trial_of(log) or None, "line": line}


def _news(log: Path, read: dict[Path, int], growing: bool) -> str:
    """Returns what was added to a log since it was read; of a `growing` one, a line that is not ended is left."""
    if not log.exists() or log.stat().st_size == read.get(log, 0):
        return ""
    with log.open("rb") as file:
        file.seek(read.get(log, 0))
        content = file.read()
    if growing:
        content = content[: content.rfind(b"\n") + 1]
    read[log] = read.get(log, 0) + len(content)
    return content.decode(errors="replace")
