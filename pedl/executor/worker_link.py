"""The master's end of one worker's channel: never waits, and keeps the worker's last word until its process is gone."""

from __future__ import annotations

import select
import selectors
import socket
import time

from pedl.executor.channel import CHUNK_BYTES
from pedl.executor.lines import LineBuffer, encode
from pedl.executor.protocol import TERMINAL_TYPES, Attempt, Message
from pedl.executor.stillness import Stillness

LEAVE_TIMEOUT_S = 10.0
"""How long a worker may take to leave after its terminal message."""


class WorkerLink:
    """What is known of one attempt's process, and the socket to it."""

    def __init__(self, attempt: Attempt, connection: socket.socket, task: bytes) -> None:
        """Takes the connection over; `task`, an encoded message, goes out first."""
        self.attempt = attempt
        self.socket = connection
        self.socket.setblocking(False)
        self.pid: int | None = None
        self.began: int | None = None
        self.terminal: Message | None = None
        """Its terminal message, once there is one; nothing is read after it."""
        self.leave_by: float | None = None
        """When its process is to be killed, by the monotonic clock; None while it works."""
        self.stillness = Stillness()
        self._outgoing = bytearray(task)
        self._incoming = LineBuffer()
        self._open = True

    @property
    def wanted_events(self) -> int:
        """What to wait for, as a mask of `selectors`; 0: nothing more will come."""
        if self.terminal is not None or not self._open:
            return 0
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self._outgoing else 0)

    def send(self, message: Message) -> None:
        """Sends what the worker can take now; `flush` sends the rest."""
        self._outgoing += encode(message)
        self.flush()

    def give_up(self, reason: str) -> None:
        """From here on nothing that the worker says is heard; its process is to be killed at once."""
        self.terminal = {"type": "lost", "reason": reason}
        self.leave_by = time.monotonic()

    def flush(self) -> None:
        """Sends more of what is left, as much as the worker can take."""
        try:
            while self._outgoing:
                del self._outgoing[: self.socket.send(self._outgoing)]
        except BlockingIOError:
            pass  # the socket is full; `wanted_events` asks for room
        except (BrokenPipeError, ConnectionResetError):
            self._outgoing.clear()  # it has ended; how, the server will say

    def read(self) -> list[Message]:
        """Returns the messages of the next chunk but for a terminal one, which becomes `terminal`."""
        try:
            chunk = self.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return []
        except ConnectionResetError:
            chunk = b""
        self._open = bool(chunk)
        try:
            messages = self._incoming.feed(chunk)
        except ValueError as error:
            messages = [{"type": "lost", "reason": f"its process sent what is not a message: {error}"}]
        if messages:
            self.stillness.lives()
        messages = [message for message in messages if message.get("type") != "alive"]
        if messages:
            self.stillness.moves()
        for position, message in enumerate(messages):
            if message.get("type") in TERMINAL_TYPES:
                self.terminal = message
                self.leave_by = time.monotonic() + LEAVE_TIMEOUT_S
                return messages[:position]
        return messages

    def read_to_the_end(self) -> list[Message]:
        """Returns all that a worker which is gone has sent and nobody has read, and closes the link."""
        messages = []
        while self._readable():
            messages += self.read()
        self.socket.close()
        return messages

    def _readable(self) -> bool:
        # A process that the trial started may hold the worker's end open for ever: what is there now is all.
        if not self.wanted_events:
            return False
        poller = select.poll()
        poller.register(self.socket, select.POLLIN)
        return bool(poller.poll(0))
