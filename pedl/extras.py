"""Packages that most experiments do without: found, or told how to get."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shlex
from collections.abc import Sequence

from pedl.errors import InputError


def need(extra: str, purpose: str, *modules: str) -> None:
    """Does nothing if these modules are installed.

    Raises:
      InputError: if one is not; the message has the command that installs what the extra has.
    """
    _need(purpose, modules, extra)


def need_packages(purpose: str, *packages: str) -> None:
    """As `need`, of packages that no extra installs; each is imported by the name that it is installed by."""
    _need(purpose, packages, None)


def _requirements(extra: str) -> list[str]:
    """Returns the packages of an extra with the versions that pedl takes, since a clone cannot be installed by name."""
    # Which quotation marks a marker has depends on what built the package.
    written = (it.replace("'", '"').partition(";") for it in importlib.metadata.requires("pedl") or ())
    return sorted(shlex.quote(name.strip()) for name, _, marker in written if marker.strip() == f'extra == "{extra}"')


def _need(purpose: str, modules: Sequence[str], extra: str | None) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        install = missing if extra is None else _requirements(extra)
        raise InputError(
            f"{purpose} needs {', '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not installed here.\n"
            f"Install what it needs with: pip install {' '.join(install)}"
        )
