"""The worker's end of the line to its master: a task comes in, messages go out, a request may come in.

The first line from the master is the task. Every `send` writes one whole line and waits until the kernel has it, so
that a message of any size passes and a slow master slows the worker down instead of losing something.
"""

from __future__ import annotations

import select
import socket
import threading
from collections import deque
from typing import Any

from pedl.executor.lines import LineBuffer, encode
from pedl.points import point

CHUNK_BYTES = 1 << 18


class Channel:
    """A worker's connection to its master. `send` may be called from several threads, `receive` from one.

    Raises EOFError, from the constructor and from `receive`, if the master's end is closed; in a worker process that
    is seen by the watchdog first, which ends the process.
    """

    def __init__(self, connection: socket.socket) -> None:
        """Takes the connection over and waits for the task."""
        self._connection = connection
        self._connection.setblocking(True)
        self._buffer = LineBuffer()
        self._received: deque[dict[str, Any]] = deque()
        self._sending = threading.Lock()
        first = self.receive(None)
        assert first is not None  # it waits as long as it takes
        self.task = first

    def send(self, message: dict[str, Any]) -> None:
        """Sends a JSON object with a "type". Returns when the kernel has all of it.

        Raises ValueError or TypeError if it is not JSON (NaN and infinities go as strings), OSError if the master is
        gone.
        """
        line = encode(message)
        with self._sending, point(f"worker.send.{message['type']}"):
            self._connection.sendall(line)

    def receive(self, timeout_s: float | None) -> dict[str, Any] | None:
        """Returns the next message of the master, or None if none came within `timeout_s` seconds.

        0 looks and does not wait, None waits as long as it takes.
        """
        while not self._received:
            if timeout_s is not None and not self._readable(timeout_s):
                return None
            chunk = self._connection.recv(CHUNK_BYTES)
            if not chunk:
                raise EOFError("the master has closed this worker's channel")
            self._received.extend(self._buffer.feed(chunk))
        return self._received.popleft()

    def _readable(self, timeout_s: float) -> bool:
        # poll and not select: a trial may have more than 1024 files open.
        poller = select.poll()
        poller.register(self._connection, select.POLLIN)
        return bool(poller.poll(timeout_s * 1000))
