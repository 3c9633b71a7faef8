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
from functools import partial
from pathlib import Path

from pedl.errors import PedlError
from pedl.executor.lines import encode
from pedl.executor.processes import cpu_s, kill_group
from pedl.executor.protocol import Attempt, Executor, Message
from pedl.executor.server_process import ServerProcess
from pedl.executor.stillness import LOOK_EVERY_S, Clock, Patience
from pedl.executor.worker_link import WorkerLink


class LocalExecutor(Executor):
    """Runs each attempt in a process of its own on this machine.

    A signal handler of the master's should set a flag: one that raises can interrupt `poll` between reading and
    delivering.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        log_path: Callable[[int], Path],
        worker: str = "pedl.trial.worker",
        patience: Patience | None = None,
    ) -> None:
        """Starts nothing yet.

        Args:
          environment: the whole environment of every worker, as `training_environment` makes it.
          log_path: trial id -> the file to which the workers of that trial append what they print.
          worker: the module whose `main(channel)` carries out a task.
          patience: how long a worker may stand still; None: the defaults of `stillness`.
        """
        self._patience = patience or Patience.asked_for()
        self._clock = Clock()
        self._environment = dict(environment)
        self._log_path = log_path
        self._worker_module = worker
        self._lent_fd: int | None = None
        self._server: ServerProcess | None = None
        self._broken: PedlError | None = None
        self._workers: dict[int, WorkerLink] = {}
        self._attempts: Counter[int] = Counter()
        self._next_key = 0
        self._arrived: list[tuple[Attempt, Message]] = []
        self._selector = selectors.DefaultSelector()

    def lend(self, descriptor: int) -> None:
        """See `Executor.lend`."""
        self._lent_fd = descriptor

    def start(self, task: Message) -> Attempt:
        """See `Executor.start`. A server is started if none runs; its import overlaps with the caller's work."""
        trial_id, encoded = task["trial_id"], encode(task)
        server = self._running_server()
        log_fd = self._open_log(trial_id)
        try:
            self._attempts[trial_id] += 1
            self._next_key += 1
            ours, theirs = socket.socketpair()
            worker = WorkerLink(Attempt(trial_id, self._attempts[trial_id]), ours, encoded)
            self._workers[self._next_key] = worker
            self._selector.register(ours, worker.wanted_events, self._next_key)
            # An error: the server has just died; `poll` finds out, and reports this attempt lost.
            with theirs, contextlib.suppress(BrokenPipeError, ConnectionResetError):
                server.fork(self._next_key, theirs, log_fd, self._lent_fd)
        finally:
            os.close(log_fd)
        return worker.attempt

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
            self._workers[key].send(message)
            self._listen(self._workers[key])

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
        if self._server is not None and self._server.has_ended():
            self._server_died()
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
        if self._workers:
            timeout_s = LOOK_EVERY_S if timeout_s is None else min(timeout_s, LOOK_EVERY_S)
        leaving = [worker.leave_by for worker in self._workers.values() if worker.leave_by is not None]
        if leaving:
            until_first = max(0.0, min(leaving) - time.monotonic())
            timeout_s = until_first if timeout_s is None else min(timeout_s, until_first)
        server_speaks = False
        for ready, events in self._selector.select(timeout_s):
            if ready.data is None:
                server_speaks = True  # after the workers: it may end one whose socket is in this list
                continue
            worker = self._workers[ready.data]
            if events & selectors.EVENT_WRITE:
                worker.flush()
            if events & selectors.EVENT_READ:
                self._arrived += [(worker.attempt, message) for message in worker.read()]
            self._listen(worker)
        if server_speaks:
            self._hear_server()
        self._give_up_the_still()
        self._hurry_those_who_stay()

    def _listen(self, worker: WorkerLink) -> None:
        """Waits for what a worker's link wants from now on; once it wants nothing, never again."""
        registered = self._selector.get_map().get(worker.socket)
        if registered is None:
            return
        if worker.wanted_events:
            self._selector.modify(worker.socket, worker.wanted_events, registered.data)
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
        worker = self._workers.pop(key)
        if worker.socket in self._selector.get_map():
            self._selector.unregister(worker.socket)
        self._arrived += [(worker.attempt, message) for message in worker.read_to_the_end()]
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

    def _give_up_the_still(self) -> None:
        """Notices workers, and a server, that stand still; called after everything that has arrived was taken in."""
        passed = self._clock.look()
        for worker in self._workers.values():
            if worker.pid is None or worker.terminal is not None:
                continue
            worker.stillness.passes(passed)
            reason = worker.stillness.too_long(self._patience, partial(cpu_s, worker.pid))
            if reason is not None:
                worker.give_up(reason)
                self._listen(worker)
                kill_group(worker.pid, worker.began, wait=False)  # not by the server, which may stand still as well
        if self._server is not None and self._workers:
            self._server.stillness.passes(passed)
            # While it imports it says nothing, and may take its time.
            stalled_s = self._patience.stalled_s
            patience = self._patience if self._server.ready else Patience(silent_s=stalled_s, stalled_s=stalled_s)
            if self._server.stillness.too_long(patience) is not None:
                self._server.end()

    def _hurry_those_who_stay(self) -> None:
        now = time.monotonic()
        for key, worker in self._workers.items():
            if worker.leave_by is not None and worker.leave_by <= now and self._server is not None:
                worker.leave_by = None
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self._server.kill(key)


def _how(exit_code: int) -> str:
    return f"killed by signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
