"""Attributes of other modules, replaced for a while and put back exactly."""

from __future__ import annotations

from typing import Any

_ABSENT = object()


class Patches:
    """Replacements in the order they were made; `undo` takes them back in reverse."""

    def __init__(self) -> None:
        self._originals: list[tuple[Any, str, Any]] = []

    def replace(self, owner: Any, name: str, value: Any) -> None:
        """Sets `owner.name`, remembering what was there, or that `owner` had no such attribute of its own."""
        self._originals.append((owner, name, vars(owner).get(name, _ABSENT)))
        setattr(owner, name, value)

    def undo(self) -> None:
        """Puts everything back; a second call does nothing."""
        while self._originals:
            owner, name, original = self._originals.pop()
            if original is _ABSENT:
                delattr(owner, name)
            else:
                setattr(owner, name, original)
