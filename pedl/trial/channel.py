"""How a training process speaks with its master: plain JSON messages, one at a time.

It does not know who reads them.
"""

from __future__ import annotations

from typing import Any, Protocol


class Channel(Protocol):
    """The worker's end of the connection to its master."""

    task: dict[str, Any]

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message."""

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Returns the next message from the master, or None after `timeout_s`."""
