"""The master's end of a warm server: start it, ask it to fork and kill, hear what became of its children."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

from pedl.errors import PedlError
from pedl.executor.channel import CHUNK_BYTES
from pedl.executor.lines import LineBuffer, encode
from pedl.executor.processes import name, start_time
from pedl.executor.stillness import Stillness
from pedl.python import python_command

_EXIT_TIMEOUT_S = 5.0
_OUTPUT_TAIL_BYTES = 2000


class ServerProcess:
    """A running warm server. `ready` once its import is over."""

    def __init__(self, environment: Mapping[str, str], worker: str) -> None:
        """Starts a server with exactly this environment that imports the module `worker`; does not wait for it."""
        self._worker = worker
        self.ready = False
        self.stillness = Stillness()
        self.socket, theirs = socket.socketpair()
        self._events = LineBuffer()
        self._named_in: int | None = None
        # A file without a name, and not a pipe: nobody has to read it, and its tail explains a server that died.
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (closed in `close`)
        with theirs:
            self._process = subprocess.Popen(
                python_command("from pedl.executor.warm_server import main; main()", str(theirs.fileno()), worker),
                env=dict(environment),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the master, which then asks the workers to pause
            )

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._process.pid

    def has_ended(self) -> bool:
        """Whether it is known by now that the process is gone."""
        return self._process.poll() is not None

    def end(self) -> None:
        """Kills the server itself; its socket then closes. Its children are the caller's business."""
        self._process.kill()

    def fork(self, key: int, channel: socket.socket, log_fd: int, lent_fd: int | None) -> None:
        """Asks for a child with these files. Raises BrokenPipeError or ConnectionResetError if the server is gone."""
        files = [channel.fileno(), log_fd]
        if lent_fd is not None:
            if self._named_in != lent_fd:
                # A request that the server has not read yet holds the file, too: who takes over must end the server.
                name(lent_fd, self.pid, start_time(self.pid))
                self._named_in = lent_fd
            files.append(lent_fd)
        # Far below the socket's buffer: sent whole or not at all.
        socket.send_fds(self.socket, [encode({"request": "fork", "key": key, "files": len(files)})], files)

    def kill(self, key: int) -> None:
        """Asks to kill a child; its "ended" event follows unless it has come already. Raises like `fork`."""
        self.socket.sendall(encode({"request": "kill", "key": key}))

    def receive(self) -> list[dict[str, Any]] | None:
        """Waits for events and returns them; None if the server is gone.

        Raises PedlError if it ended because the worker's module cannot be imported.
        """
        try:
            chunk = self.socket.recv(CHUNK_BYTES)
        except ConnectionResetError:
            chunk = b""
        if not chunk:
            return None
        self.stillness.moves()
        events = self._events.feed(chunk)
        for event in events:
            if event["event"] == "ready":
                self.ready = True
            elif event["event"] == "broken":
                raise PedlError(
                    f"Workers cannot start: {self._worker} does not import in {sys.executable}.\n"
                    f"{event['traceback'][-_OUTPUT_TAIL_BYTES:].strip()}\n"
                    "Fix what the last line names (is TensorFlow installed for this Python?), then run this again."
                )
        return [event for event in events if event["event"] not in ("ready", "alive")]

    def close(self) -> int:
        """Ends the server, which ends its children first; returns its exit code, negative for a signal."""
        with contextlib.suppress(OSError):  # it may be gone already
            # Closing alone would not tell the server, if the master's program has forked and its copy holds the socket.
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        try:
            return self._process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._output.seek(0)
            self.output_tail = self._output.read()[-_OUTPUT_TAIL_BYTES:].decode(errors="replace").strip()
            self._output.close()
