"""The warm server: a process that has imported TensorFlow once and forks a child for each task.

`multiprocessing.forkserver` would do, but it imports `__main__` again in each child (a script without a guard would
run again, a notebook has nothing to import), skips a preload that fails in silence, and lets children outlive a
killed parent. This one is a page long: one thread, one socket to its master, lines of JSON.

    master -> server   {"request": "fork", "key": 3, "files": 3} with as many file descriptors: the child's channel, its
                       log, and a file that it holds open, if it was lent one
                       {"request": "kill", "key": 3}
    server -> master   {"event": "ready"}  or  {"event": "broken", "traceback": "..."}
                       {"event": "forked", "key": 3, "pid": 4711, "began": 123456}
                       {"event": "ended", "key": 3, "exit_code": 0}      negative: the signal that killed it
                       {"event": "alive"}      after each second in which nothing happened

The import is only an import: nothing here may create TensorFlow's context, or children hang at their first operation.
The environment is that of this process's start; it cannot be changed for a child.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import select
import signal
import socket
import sys
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from typing import Any, NoReturn

from pedl.executor import child
from pedl.executor.channel import CHUNK_BYTES, Channel
from pedl.executor.lines import LineBuffer, encode
from pedl.executor.processes import name, signal_group, start_time
from pedl.points import point

_LOOK_EVERY_MS = 1000


def main() -> None:
    """Serves the master at file descriptor argv[1] with children that call `main(channel)` of module argv[2]."""
    master_pid = os.getppid()
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    try:
        work = importlib.import_module(sys.argv[2]).main
    except BaseException:  # SystemExit too: whatever stops the import, the master has to hear of it
        control.sendall(encode({"event": "broken", "traceback": traceback.format_exc()}))
        sys.exit(1)
    gc.collect()
    gc.freeze()  # a collection in a child would otherwise touch, and so copy, every page of the imported modules
    WarmServer(control, work, master_pid).serve()


class WarmServer:
    """Forks, kills and reaps children until its master is gone."""

    def __init__(self, control: socket.socket, work: Callable[[Channel], None], master_pid: int) -> None:
        self._control = control
        self._work = work
        self._master_pid = master_pid
        self._pids: dict[int, int] = {}
        self._requests = LineBuffer()
        self._received_fds: deque[int] = deque()
        self._wake_read, self._wake_write = os.pipe()

    def serve(self) -> None:
        """Returns when the master is gone, and with it every child."""
        os.set_blocking(self._wake_write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        poller = select.poll()
        poller.register(self._control, select.POLLIN)
        poller.register(self._wake_read, select.POLLIN)
        try:
            self._tell({"event": "ready"})
            while os.getppid() == self._master_pid:
                ready = {fd for fd, _ in poller.poll(_LOOK_EVERY_MS)}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                    self._reap()
                if self._control.fileno() in ready and not self._obey():
                    break
                if self._pids and not ready:
                    self._tell({"event": "alive"})
        except (BrokenPipeError, ConnectionResetError):
            pass  # the master is gone: what serving ends with
        finally:
            for pid in self._pids.values():
                signal_group(pid)
            for pid in self._pids.values():
                os.waitpid(pid, 0)

    def _obey(self) -> bool:
        """Carries out the requests that have arrived; False if the master has closed its end."""
        chunk, fds, _, _ = socket.recv_fds(self._control, CHUNK_BYTES, 64)
        for fd in fds:
            os.set_inheritable(fd, False)
        self._received_fds.extend(fds)
        for request in self._requests.feed(chunk):
            if request["request"] == "fork":
                self._fork(request["key"], request["files"])
            elif request["key"] in self._pids:
                signal_group(self._pids[request["key"]])
        return bool(chunk)

    def _fork(self, key: int, files: int) -> None:
        channel_fd, log_fd, *lent_fds = (self._received_fds.popleft() for _ in range(files))
        server_pid = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of threads; those that NumPy's libraries start at import are prepared for a fork.
            warnings.simplefilter("ignore", DeprecationWarning)
            with point("server.fork"):
                pid = os.fork()
                if pid == 0:
                    self._become_child(channel_fd, log_fd, server_pid)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)  # the child does the same: whichever comes first
        began = start_time(pid)
        for fd in lent_fds:
            name(fd, pid, began)
        for fd in (channel_fd, log_fd, *lent_fds):
            os.close(fd)
        self._pids[key] = pid
        self._tell({"event": "forked", "key": key, "pid": pid, "began": began})

    def _become_child(self, channel_fd: int, log_fd: int, server_pid: int) -> NoReturn:
        try:
            for fd in (self._control.detach(), self._wake_read, self._wake_write, *self._received_fds):
                os.close(fd)
            child.run(socket.socket(fileno=channel_fd), log_fd, self._work, server_pid)
        finally:
            os._exit(1)  # whatever happens, a child never becomes a second server

    def _reap(self) -> None:
        for key, pid in list(self._pids.items()):
            exit_code = _reap_if_ended(pid)
            if exit_code is not None:
                del self._pids[key]
                self._tell({"event": "ended", "key": key, "exit_code": exit_code})

    def _tell(self, event: dict[str, Any]) -> None:
        with point("server.tell"):
            self._control.sendall(encode(event))


def _reap_if_ended(pid: int) -> int | None:
    """Reaps a child that has ended and kills what is left of its group; returns its exit code, None if it runs."""
    if hasattr(os, "waitid"):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        # Data workers of the trial's own; before the child is reaped, because its number cannot be another's yet.
        signal_group(pid)
        _, status = os.waitpid(pid, 0)
    else:  # macOS before Python 3.13
        reaped, status = os.waitpid(pid, os.WNOHANG)
        if not reaped:
            return None
        signal_group(pid)
    return os.waitstatus_to_exitcode(status)
