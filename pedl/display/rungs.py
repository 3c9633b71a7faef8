"""Rungs, for people: where a trial stands, and how far each bracket has come."""

from __future__ import annotations

import re
from typing import Any


def place_of(trial: dict[str, Any]) -> str:
    """Returns the rung that a trial is trained to, of how many, and whose clone it is; empty without rungs."""
    place, parent = trial["rung"], trial["parent"]
    clone = "" if parent is None else f" from {parent['trial_id']}"
    return "" if place is None else f"{place['rung']}/{place['rungs']}{clone}"


def why_stopped(trial: dict[str, Any]) -> str:
    """Returns in short why the search stopped a trial, or ""; the rung or round is left out: it stands beside it.

    >>> why_stopped({"stopped": "not among the best 2 of 8 at rung 1 of 2 (step 1)"})
    'not best 2 of 8'
    """
    return re.split(" at | after ", trial["stopped"])[0].replace("among the ", "")


def rung_lines(described: dict[str, Any]) -> list[str]:
    """Returns a line for each bracket: the steps of each rung, the trials that came of those planned, and went on.

    A rung that reads `4: 7/8, 2 on` is four steps long; 7 of its 8 trials were trained so far, and 2 go on.
    """
    lines = []
    for number, bracket in enumerate(described["brackets"], start=1):
        rungs = "; ".join(_rung(rung) for rung in bracket["rungs"])
        lines.append(f"Bracket {number}, steps: trials at each rung: {rungs}")
    return lines


def rung_counts(described: dict[str, Any]) -> list[str]:
    """Returns a short line for each bracket: the trials that came to each rung, of those planned."""
    return [
        f"Bracket {number}: {' > '.join(map(_came, bracket['rungs']))}"
        for number, bracket in enumerate(described["brackets"], start=1)
    ]


def _rung(rung: dict[str, int]) -> str:
    on = f", {rung['promoted']} on" if rung["promoted"] else ""
    return f"{rung['steps']}: {_came(rung)}{on}"


def _came(rung: dict[str, int]) -> str:
    return f"{rung['reached']}/{rung['trials']}"
