"""Who is alive, and programs to kill: for tests that prove that no process stays behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

HERE = Path(__file__).parent
MARK = "PEDL_TEST_MARK"
"""The variable that every process of one test carries in its environment, with a value of the test's own."""


def carrying(mark):
    """The live processes with that mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def assert_so_many(count, mark, within_s=30.0):
    """Waits until `count` processes with that mark live: one that was just started shows it a moment later."""
    deadline = time.monotonic() + within_s
    while len(carrying(mark)) != count and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(carrying(mark)) == count


def assert_only(pids, mark, within_s=30.0):
    """A killed process takes a moment to end: nobody else is left before `within_s` have passed."""
    deadline = time.monotonic() + within_s
    while {process.pid for process in carrying(mark)} != set(pids):
        assert time.monotonic() < deadline, f"expected only {pids} after {within_s} s, alive: {carrying(mark)}"
        time.sleep(0.02)


def assert_nobody_stays(mark, within_s=30.0):
    assert_only([], mark, within_s)


def kill(*pids):
    """Kills each; one may be gone already, because it ends with another."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def start_master(tmp_path, mark, *jobs, worker="dummy_worker"):
    """Runs `master_script.py` and returns it with the process numbers of its server and workers."""
    master = subprocess.Popen(
        [sys.executable, str(HERE / "master_script.py"), str(tmp_path), worker, *jobs],
        env={**os.environ, "PYTHONPATH": f"{tmp_path}:{HERE}:{HERE.parents[1]}", MARK: mark},
        stdout=subprocess.PIPE,
        text=True,
    )
    return master, json.loads(master.stdout.readline())
