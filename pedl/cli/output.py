"""How commands speak: messages to standard error, results to standard output, JSON with NaN and infinities as texts."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import click


def say(message: str) -> None:
    """Writes a message for a person to standard error."""
    click.echo(message, err=True)


def say_notes(messages: Iterable[str]) -> None:
    """Writes what was noticed and stops nothing to standard error."""
    for message in messages:
        say(f"Note: {message}")


def show_json(value: Any) -> None:
    """Writes a result as JSON to standard output; floats read back to the same bits."""
    from pedl.jsontext import plain

    click.echo(json.dumps(plain(value), indent=2, ensure_ascii=False, allow_nan=False))
