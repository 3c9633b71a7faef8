"""Messages as bytes: one JSON object a line, of any length, whole or not at all."""

from __future__ import annotations

import json
from typing import Any


def encode(message: dict[str, Any]) -> bytes:
    """Returns a message as one line.

    Raises ValueError for NaN and infinities (JSON has none; pedl writes the strings "NaN", "Infinity", "-Infinity")
    and TypeError for what is not plain data.
    """
    return json.dumps(message, allow_nan=False, separators=(",", ":")).encode() + b"\n"


class LineBuffer:
    """Puts a byte stream together again. Bytes after the last newline are kept, and never become a message alone."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """Returns the messages that `chunk` completes, in order. Raises ValueError for a line that is none."""
        self._pending += chunk
        if b"\n" not in chunk:
            return []
        *lines, rest = bytes(self._pending).split(b"\n")
        self._pending = bytearray(rest)
        messages = [json.loads(line) for line in lines]
        for message in messages:
            if not isinstance(message, dict):
                raise ValueError(f"expected a JSON object as message, got {str(message)[:80]}")
        return messages
