"""Values, numbers, numbers of things, nested mappings and the next command in a few words."""

from __future__ import annotations

import json
import math
import os
import shlex
from collections.abc import Mapping
from typing import Any
from unicodedata import category

from pedl.jsontext import flat

_UNSHOWN = ("Cc", "Cs", "Zl", "Zp")
"""Kinds of characters: controls, halves of a character, and ends of lines and paragraphs."""


DEFAULT_HOME = ".pedl"
"""Where experiments are kept if nobody says otherwise, in the current directory."""


def default_home() -> str:
    """Returns where experiments are kept if no home is handed over: in PEDL_HOME, else in `DEFAULT_HOME`."""
    return os.environ.get("PEDL_HOME") or DEFAULT_HOME


def command_line(home: str, words: str) -> str:
    """Returns the command that a person types next, for the same home."""
    return f"pedl {words}" if home == DEFAULT_HOME == default_home() else f"pedl --home {shlex.quote(home)} {words}"


def brief(value: Any) -> str:
    """Returns a value for a table: finite floats with six digits, texts as they are, the rest as JSON; in one line.

    >>> brief(0.123456789), brief("adam"), brief([1, 2]), brief(float("nan")), brief("a\\nb")
    ('0.123457', 'adam', '[1, 2]', 'NaN', 'a\\\\nb')
    """
    if isinstance(value, float) and math.isfinite(value):
        return f"{value:.6g}"
    return escaped(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def escaped(text: str) -> str:
    """Returns a text with what ends a line, moves a cursor or cannot be written, as JSON would have it."""
    return "".join(json.dumps(it)[1:-1] if category(it) in _UNSHOWN else it for it in text)


def one_line(text: str) -> str:
    """Returns prose of several lines in one.

    >>> one_line("Digits,\\n  again\\n")
    'Digits, again'
    """
    return " ".join(text.split())


def counted(number: int, noun: str) -> str:
    """Returns a number of things.

    >>> counted(1, "trial"), counted(2000, "step"), counted(2, "batch")
    ('1 trial', '2,000 steps', '2 batches')
    """
    plural = "es" if noun.endswith("ch") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def pairs(tree: Mapping[str, Any]) -> str:
    """Returns nested values in one line: `lr=0.1 optimizer.momentum=0.9`."""
    return " ".join(f"{escaped(name)}={brief(value)}" for name, value in flat(tree).items())
