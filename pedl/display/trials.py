"""Trials as a table, and the words for what a trial is and has."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from pedl.display.rungs import place_of, why_stopped
from pedl.display.words import brief, escaped, pairs
from pedl.jsontext import flat


def plain_table(*columns: str) -> Table:
    """Returns a table without frames, which can be read by eye and by `awk`."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(Text(escaped(column)), overflow="fold")
    return table


def metric_of(trial: dict[str, Any], name: str) -> Any:
    """Returns the metric `name` of a trial's last validation, or None."""
    return trial["validation"][-1]["metrics"].get(name) if trial["validation"] else None


def trial_state(trial: dict[str, Any]) -> str:
    """Returns a trial's state, and whether it is in it because it gave another result when it was repeated."""
    return f"{trial['state']} (not reproduced)" if trial["difference"] is not None else str(trial["state"])


def trials_done(described: dict[str, Any]) -> int:
    """Returns how many trials came to their end: those that were canceled did not."""
    return sum(trial["state"] in ("COMPLETED", "ERROR") for trial in described["trials"])


def failed_trials(described: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the trials that failed."""
    return [trial for trial in described["trials"] if trial["state"] == "ERROR"]


def searched_hparams(described: dict[str, Any], trial: dict[str, Any]) -> str:
    """Returns the hyperparameters of a trial that the search chose, or all if it chose none."""
    constant = {
        path.removesuffix(".type")
        for path, kind in flat(described["config"]["hyperparameters"]).items()
        if path.endswith(".type") and kind == "const"
    }
    every = flat(trial["hparams"])
    chosen = {path: value for path, value in every.items() if path not in constant}
    return pairs(chosen or every)


def trials_table(described: dict[str, Any], trials: list[dict[str, Any]], narrow: bool = False) -> Table:
    """Returns a row for each of the given trials, with the metric that the search looks at.

    Args:
      narrow: without the longest columns, whose values would be cut in the middle.
    """
    metric = described["config"]["searcher"]["metric"]
    rungs = ["Rung"] if described["brackets"] else []
    stopped = ["Stopped"] if any(it["stopped"] for it in trials) else []
    batches, hparams = ([], []) if narrow else (["Batches"], ["Hyperparameters"])
    table = plain_table("Trial", "State", *rungs, "Steps", *batches, metric, *stopped, *hparams)
    for trial in trials:
        value = metric_of(trial, metric)
        best = " *" if trial["id"] == described["best_trial"] else ""
        cells = (
            f"{described['id']}/{trial['id']}{best}", trial_state(trial), *(place_of(trial) for _ in rungs),
            str(trial["steps_completed"]), *(str(trial["batches_completed"]) for _ in batches),
            "" if value is None else brief(value),
            *(why_stopped(trial) if narrow else trial["stopped"] for _ in stopped),
            *(searched_hparams(described, trial) for _ in hparams),
        )  # fmt: skip
        table.add_row(*(Text(cell) for cell in cells))
    return table
