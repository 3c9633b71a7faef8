"""A problem in a configuration, and how all of them are told to the person who can mend them.

    experiment.yaml:7: searcher.max_steps: found 0, expected a whole number of at least 1

One line per problem: file and line, the dotted field, what was found, what is allowed, and, where one can be
guessed, the remedy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pedl.errors import ConfigError

Path = tuple[str | int, ...]
"""Where a value stands: ("hyperparameters", "lr", "minval"), ("labels", 0)."""

LONGEST_FOUND = 60
"""Characters of a found value that are shown."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong. `message` says what was found, what is allowed, and the remedy."""

    path: Path
    message: str
    line: int | None = None
    """The line itself, where the position of `path` would not do: a duplicate key, a syntax error."""


def dotted(path: Path) -> str:
    """Returns a path as users write it.

    >>> dotted(("labels", 0)), dotted(("hyperparameters", "lr", "minval"))
    ('labels[0]', 'hyperparameters.lr.minval')
    """
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def shown(value: object) -> str:
    """Returns a found value as it is shown: as JSON, with the kind of a text, and never longer than a line."""
    if value is None:
        return "nothing (null)"
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = f"{value!r} ({type(value).__name__})"
    if len(text) > LONGEST_FOUND:
        text = text[: LONGEST_FOUND - 3] + "..."
    return f"the text {text}" if isinstance(value, str) else text


def unquoted(found: object, expected: str) -> str:
    """Returns the remedy for a number in quotes, or a text without them; else ""."""
    if isinstance(found, str) and "number" in expected:
        try:
            float(found)
        except ValueError:
            return ""
        return f"; write {found} without quotes"
    if isinstance(found, bool | int | float) and expected.startswith("a text"):
        return f'; write it in quotes: "{json.dumps(found)}"'
    return ""


def config_error(problems: list[Problem], source: str, lines: Mapping[Path, int]) -> ConfigError:
    """Returns the error that shows all problems, in the order of the file.

    Args:
      source: what a line begins with, the file's name or "configuration".
      lines: the line of each path that the file holds, from 1; empty for a configuration given as a dict.
    """
    placed = [(problem.line or line_of(problem.path, lines), problem) for problem in problems]
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    shown_lines = [f"{source} has {count}; nothing was created."]
    for line, problem in sorted(placed, key=lambda pair: pair[0]):
        place = f"{source}:{line}" if line else source
        field = f"{dotted(problem.path)}: " if problem.path else ""
        shown_lines.append(f"  {place}: {field}{problem.message}")
    return ConfigError("\n".join(shown_lines))


def line_of(path: Path, lines: Mapping[Path, int]) -> int:
    """Returns the line of a path, or of the nearest mapping around it; 0 if there is none."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 0)
