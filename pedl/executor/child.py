"""What a forked worker does before and after the trial's own code: settle in, and never outlive its master.

Three things end a worker whose master is gone, so that one of them is enough:

- the warm server kills its children as soon as the master's end of its socket closes (works whatever a child does);
- the kernel kills a child whose server is gone (Linux: PR_SET_PDEATHSIG; exact, because the server has one thread);
- a watchdog thread in the child sees its channel closed, or its server gone. TensorFlow lets go of Python's lock while
  an operation runs, so the thread runs then too.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable
from io import TextIOWrapper
from typing import NoReturn, cast

from pedl.executor.channel import Channel

ALIVE_EVERY_S = 1.0
_LOOK_EVERY_MS = 1000
_PR_SET_PDEATHSIG = 1
# Loaded before any fork: a child then only calls it.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def run(connection: socket.socket, log_fd: int, work: Callable[[Channel], None], server_pid: int) -> NoReturn:
    """Runs `work(channel)` in this freshly forked process and leaves: 0, or 1 if it raised.

    Leaves by `os._exit`: what a trial wanted kept is durable by then, and tearing TensorFlow down costs 40 ms.
    """
    status = 1
    try:
        _settle(connection, log_fd, server_pid)
        channel = Channel(connection)
        threading.Thread(target=_say_alive, args=(channel,), daemon=True, name="pedl-alive").start()
        work(channel)
        status = 0
    except BaseException:  # SystemExit too: the process ends here, and the log says why
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # a full disk must not keep the process alive
                stream.flush()
        os._exit(status)


def _settle(connection: socket.socket, log_fd: int, server_pid: int) -> None:
    """Makes this process a worker: group, lifeline, signals, standard streams."""
    # A group of its own, so that data workers which the trial starts are killed along with it.
    os.setpgid(0, 0)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server_pid:  # the server died before the line above
        os._exit(1)
    threading.Thread(target=_watch, args=(connection.fileno(), server_pid), daemon=True, name="pedl-watchdog").start()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    os.close(null)
    os.close(log_fd)
    # Line by line, so that the log holds what was printed before a kill; and the same bytes under every locale.
    for stream in (sys.stdout, sys.stderr):
        cast(TextIOWrapper, stream).reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _say_alive(channel: Channel) -> None:
    """Gives a sign of life once a second: this process is not stopped, whatever its training does."""
    with contextlib.suppress(OSError):  # the master is gone: the watchdog's business
        while True:
            channel.send({"type": "alive"})
            time.sleep(ALIVE_EVERY_S)


def _watch(connection_fd: int, server_pid: int) -> None:
    """Kills this process and its group when the master's end of the channel closes or the server is gone."""
    poller = select.poll()
    poller.register(connection_fd, 0)  # no event asked for: a hang-up is always told, and messages are not ours
    while os.getppid() == server_pid:
        if any(event & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, event in poller.poll(_LOOK_EVERY_MS)):
            break
    os.killpg(0, signal.SIGKILL)
