"""Which of a test's parameters a plain `pytest` takes; the others are left to `.ci/run` (see CONTRIBUTING.md)."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Any

import pytest


def long_but(short: Container[str], values: Iterable[Any]) -> list[Any]:
    """Marks parameters, values or tuples of them, as long, but for those in `short`."""
    return [value if value in short else pytest.param(*_all(value), marks=pytest.mark.long) for value in values]


def _all(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
