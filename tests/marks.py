"""Which of a test's parameters a plain `pytest` takes; the others are left to `.ci/run` (see CONTRIBUTING.md)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pytest


def long_but(short: Collection[Any], values: Collection[Any]) -> list[Any]:
    """Marks parameters, values or tuples of them, as long, but for those in `short`."""
    assert all(it in values for it in short), f"expected {short} among {values}"
    return [value if value in short else pytest.param(*_all(value), marks=pytest.mark.long) for value in values]


def _all(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)
