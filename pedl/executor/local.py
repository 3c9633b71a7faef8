"""Trials in processes of this machine, forked from a warm server. Keeps the laws of `protocol.py`.

Each attempt has a socket to its worker; one more leads to the server, which says when a worker has ended. Only that
word ends an attempt, not the end of its socket (a process that the trial started may hold it open): the socket is
then read to its end, and whatever it held comes before the terminal message.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import PedlError
from .channel import CHUNK_BYTES
from .lines import LineBuffer, encode
from .processes import kill_group
from .protocol import TERMINAL_TYPES, Attempt, Executor, Message
from .server_process import ServerProcess

_LEAVE_TIMEOUT_S = 10.0
"""How long a worker may take to leave after its terminal message."""


@dataclass
class _Worker:
    """What is known of one attempt's process."""

    attempt: Attempt
    socket: socket.socket
    outgoing: bytearray
    incoming: LineBuffer = field(default_factory=LineBuffer)
    pid: int | None = None
    began: int | None = None
    terminal: Message | None = None
    leave_by: float | None = None


class LocalExecutor(Executor):
    """Runs each attempt in a process of its own on this machine.

    A signal handler of the master's should set a flag: one that raises can interrupt `poll` between reading and
    delivering.
    """

    def __init__(
        self, environment: Mapping[str, str], log_path: Callable[[int], Path], worker: str = "pedl.trial.worker"
    ) -> None:
        """Starts nothing yet.

        Args:
          environment: the whole environment of every worker, as `training_environment` makes it.
          log_path: trial id -> the file to which the workers of that trial append what they print.
          worker: the module whose `main(channel)` carries out a task.
        """
        self._environment = dict(environment)
        self._log_path = log_path
        self._worker_module = worker
        self._server: ServerProcess | None = None
        self._broken: PedlError | None = None
        self._workers: dict[int, _Worker] = {}
        self._attempts: Counter[int] = Counter()
        self._next_key = 0
        self._arrived: list[tuple[Attempt, Message]] = []
        self._selector = selectors.DefaultSelector()

    def start(self, task: Message) -> Attempt:
        """See `Executor.start`. A server is started if none runs; its import overlaps with the caller's work."""
        trial_id = task["trial_id"]
        outgoing = bytearray(encode(task))
        server = self._running_server()
        log_fd = self._open_log(trial_id)
        self._attempts[trial_id] += 1
        self._next_key += 1
        key, attempt = self._next_key, Attempt(trial_id, self._attempts[trial_id])
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._workers[key] = _Worker(attempt, ours, outgoing)
        self._selector.register(ours, selectors.EVENT_READ, key)
        # An error: the server has just died; `poll` finds out, and reports this attempt lost.
        with theirs, contextlib.suppress(BrokenPipeError, ConnectionResetError):
            server.fork(key, theirs, log_fd)
        os.close(log_fd)
        self._write(key)
        return attempt

    def poll(self, timeout_s: float | None) -> list[tuple[Attempt, Message]]:
        """See `Executor.poll`."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._pump(0)
        while not self._arrived:
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                break
            self._pump(left)
        arrived, self._arrived = self._arrived, []
        return arrived

    def send(self, attempt: Attempt, message: Message) -> None:
        """See `Executor.send`."""
        key = self._key(attempt)
        if key is not None:
            self._workers[key].outgoing += encode(message)
            self._write(key)

    def kill(self, attempt: Attempt) -> None:
        """See `Executor.kill`."""
        key = self._key(attempt)
        if key is not None and self._server is not None:
            # An error: the server has just died; the loop below sees it, and kills its children.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self._server.kill(key)
            while key in self._workers:
                self._pump(None)
        self._arrived = [(whose, message) for whose, message in self._arrived if whose != attempt]

    def close(self) -> None:
        """See `Executor.close`."""
        if self._server is not None:
            self._end_server(self._server)
        self._arrived = []
        self._selector.close()
        self._broken = PedlError("This executor is closed; make another one.")

    def _running_server(self) -> ServerProcess:
        if self._broken is not None:
            raise self._broken
        if self._server is None:
            self._server = ServerProcess(self._environment, self._worker_module)
            self._selector.register(self._server.socket, selectors.EVENT_READ, None)
        return self._server

    def _open_log(self, trial_id: int) -> int:
        path = self._log_path(trial_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)

    def _key(self, attempt: Attempt) -> int | None:
        return next((key for key, worker in self._workers.items() if worker.attempt == attempt), None)

    def _pump(self, timeout_s: float | None) -> None:
        """Waits until something happens, at most `timeout_s`, and takes it in."""
        if self._broken is not None:
            raise self._broken
        leaving = [worker.leave_by for worker in self._workers.values() if worker.leave_by is not None]
        if leaving:
            until_first = max(0.0, min(leaving) - time.monotonic())
            timeout_s = until_first if timeout_s is None else min(timeout_s, until_first)
        server_speaks = False
        for ready, events in self._selector.select(timeout_s):
            if ready.data is None:
                server_speaks = True
                continue
            if events & selectors.EVENT_READ:
                self._read(ready.data)
            if events & selectors.EVENT_WRITE:
                self._write(ready.data)
        if server_speaks:
            self._hear_server()
        self._hurry_those_who_stay()

    def _read(self, key: int) -> bool:
        """Takes in what a worker has sent, at most one chunk; False when there is nothing more for now, or ever."""
        worker = self._workers[key]
        if worker.terminal is not None:
            return False
        try:
            chunk = worker.socket.recv(CHUNK_BYTES)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            chunk = b""
        try:
            messages = worker.incoming.feed(chunk)
        except ValueError as error:
            self._terminal(key, {"type": "lost", "reason": f"its process sent what is no message: {error}"})
            return False
        for message in messages:
            if message.get("type") in TERMINAL_TYPES:
                self._terminal(key, message)
                return False
            self._arrived.append((worker.attempt, message))
        if not chunk:
            self._listen(worker, 0)  # nothing more will come; how its process ended, the server will say
        return bool(chunk)

    def _terminal(self, key: int, message: Message) -> None:
        """Keeps a worker's last word until its process is gone, and listens to it no longer."""
        worker = self._workers[key]
        worker.terminal = message
        worker.leave_by = time.monotonic() + _LEAVE_TIMEOUT_S
        self._listen(worker, 0)

    def _write(self, key: int) -> None:
        """Sends what a worker can take now; the rest follows when it can take more."""
        worker = self._workers[key]
        try:
            while worker.outgoing:
                del worker.outgoing[: worker.socket.send(worker.outgoing)]
        except BlockingIOError:
            self._listen(worker, selectors.EVENT_READ | selectors.EVENT_WRITE)
            return
        except (BrokenPipeError, ConnectionResetError):
            worker.outgoing.clear()  # it has ended; the server will say how
        self._listen(worker, selectors.EVENT_READ)

    def _listen(self, worker: _Worker, events: int) -> None:
        """Waits for these events of a worker's socket from now on; once for none, then for none ever."""
        registered = self._selector.get_map().get(worker.socket)
        if registered is None:
            return
        if events:
            self._selector.modify(worker.socket, events, registered.data)
        else:
            self._selector.unregister(worker.socket)

    def _hear_server(self) -> None:
        assert self._server is not None
        try:
            events = self._server.receive()
        except PedlError as error:
            self._break(error)
            raise
        if events is None:
            self._server_died()
            return
        for event in events:
            worker = self._workers[event["key"]]
            if event["event"] == "forked":
                worker.pid, worker.began = event["pid"], event["began"]
            else:
                self._finish(event["key"], _how(event["exit_code"]))

    def _finish(self, key: int, how: str) -> None:
        """Ends an attempt whose process is gone: everything it sent, then its terminal message."""
        while self._read(key):
            pass
        worker = self._workers.pop(key)
        self._listen(worker, 0)
        worker.socket.close()
        self._arrived.append((worker.attempt, worker.terminal or {"type": "lost", "reason": how}))

    def _server_died(self) -> None:
        server = self._server
        assert server is not None
        exit_code = self._end_server(server)
        # A signal from outside can end any process; anything else before the import was over would only happen again.
        if not server.ready and exit_code not in (-9, -15):
            error = PedlError(
                f"Workers cannot start: the process that imports {self._worker_module} ended ({_how(exit_code)}).\n"
                f"{server.output_tail or 'It printed nothing.'}"
            )
            self._break(error)
            raise error

    def _end_server(self, server: ServerProcess) -> int:
        """Ends the server and every worker; each attempt gets its end. Returns the server's exit code."""
        self._selector.unregister(server.socket)
        self._server = None
        exit_code = server.close()
        for key, worker in list(self._workers.items()):
            if worker.pid is not None:
                kill_group(worker.pid, worker.began)
            self._finish(key, f"the warm server ended ({_how(exit_code)})")
        return exit_code

    def _break(self, error: PedlError) -> None:
        """From now on every call raises `error`: no worker can start."""
        if self._server is not None:
            self._end_server(self._server)
        self._broken = error

    def _hurry_those_who_stay(self) -> None:
        now = time.monotonic()
        for key, worker in self._workers.items():
            if worker.leave_by is not None and worker.leave_by <= now and self._server is not None:
                worker.leave_by = None
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self._server.kill(key)


def _how(exit_code: int) -> str:
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
