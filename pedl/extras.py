"""Packages that most experiments do without: found, or told how to get."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from pedl.errors import InputError


def need(extra: str, purpose: str, *modules: str) -> None:
    """Does nothing if these modules are installed.

    Raises:
      InputError: if one is not; the message has the command that installs the extra.
    """
    _need(purpose, modules, f"'pedl[{extra}]'")


def need_packages(purpose: str, *packages: str) -> None:
    """As `need`, of packages that no extra installs; each is imported by the name that it is installed by."""
    _need(purpose, packages, None)


def _need(purpose: str, modules: Sequence[str], install: str | None) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(
            f"{purpose} needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed here.\n"
            f"Install what it needs with: pip install {install or ' '.join(missing)}"
        )
