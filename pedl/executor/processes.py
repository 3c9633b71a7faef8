"""Processes by number: is it still the one we mean, and how to end it with everything it started.

A process number is reused once its process has been reaped. Where /proc exists, the time a process began tells the
two apart; elsewhere (macOS) a number is trusted, for the moment between a server's death and our looking.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

GONE_TIMEOUT_S = 10.0


def name(descriptor: int, pid: int, began: int | None) -> None:
    """Appends to an open file, in one piece, which process is meant: "4711 123456", or "4711 -" where nobody knows."""
    os.write(descriptor, f"{pid} {'-' if began is None else began}\n".encode())


def kill_named(names: str) -> None:
    """Kills the processes of these lines of `name` that still run, with their groups, and waits until they are gone."""
    named = [line.split() for line in names.splitlines()]
    for wait in (False, True):  # all at once: each that ends may wake another
        for pid, began in named:
            kill_group(int(pid), None if began == "-" else int(began), wait)


def still_run(names: str) -> list[int]:
    """Returns which of the processes of these lines of `name` still run."""
    named = [line.split() for line in names.splitlines()]
    return [int(pid) for pid, began in named if _runs(int(pid), None if began == "-" else int(began))]


def start_time(pid: int) -> int | None:
    """Returns when a process began, in clock ticks since boot, or None: it is gone (or a zombie), or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    # The command's name, in parentheses, may hold spaces and parentheses itself.
    fields = stat.rpartition(b")")[2].split()
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def cpu_s(pid: int) -> float | None:
    """Returns the seconds that a process has computed in all its threads; None: it is gone, or no /proc."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return None
    user, system = stat.rpartition(b")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def signal_group(pid: int) -> None:
    """Sends SIGKILL to a worker and to the processes of its group, if there are any."""
    for send in (os.killpg, os.kill):  # kill as well: a trial may have left its group
        # PermissionError: macOS answers so for a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(pid, signal.SIGKILL)


def kill_group(pid: int, began: int | None, wait: bool = True) -> None:
    """Kills a worker and the processes of its group, and waits until the worker is gone, unless told not to.

    Does nothing if `pid` now belongs to another process than the one that began at `began` (None: unknown).
    """
    now = start_time(pid)
    if began is not None and now is not None and now != began:
        return
    signal_group(pid)
    if not wait:
        return
    deadline = time.monotonic() + GONE_TIMEOUT_S
    while _runs(pid, began) and time.monotonic() < deadline:
        time.sleep(0.005)


def _runs(pid: int, began: int | None) -> bool:
    if began is not None:
        return start_time(pid) == began
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
