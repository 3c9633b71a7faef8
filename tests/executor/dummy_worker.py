"""A worker module without TensorFlow: does what its task says. Imported by name in the warm server of the tests."""

import ctypes
import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main(channel):
    globals()[channel.task["do"]](channel, **channel.task.get("with", {}))


def answer(channel, count=1):
    for number in range(count):
        channel.send({"type": "step", "step": number})
    channel.send({"type": "done", "pid": os.getpid()})


def describe(channel):
    channel.send(
        {
            "type": "done",
            "environment": dict(os.environ),
            "path": sys.path,
            "stdin": sys.stdin.read(),
            "main": getattr(sys.modules["__main__"], "__file__", None),
            "started_in": str(Path.cwd()),
        }
    )


def big(channel, size_bytes):
    channel.send({"type": "step", "payload": "x" * size_bytes, "asked": len(channel.task.get("ballast", ""))})
    channel.send({"type": "done"})


def flood(channel, lines):
    for number in range(lines):
        print(f"line {number} " + "x" * 100)
    print("to the other stream: \u2713", file=sys.stderr)
    channel.send({"type": "done"})


def wait_for_pause(channel):
    channel.send({"type": "started", "pid": os.getpid()})
    request = channel.receive(None)
    channel.send({"type": "paused", "got": request})


def sleep(channel, seconds=600.0):
    channel.send({"type": "started", "pid": os.getpid()})
    time.sleep(seconds)


def hold_the_lock(channel):
    """Never lets another thread of Python run: only the kernel or the server can end this."""
    channel.send({"type": "started", "pid": os.getpid()})
    sys.setswitchinterval(1e6)
    while True:
        pass


def read_a_large_file(channel, seconds):
    """Computes in one call of C that keeps Python's lock, as `json.load` does."""
    channel.send({"type": "started", "pid": os.getpid()})
    begun = time.monotonic()
    sum(itertools.repeat(1, 10**7))
    sum(itertools.repeat(1, int(10**7 * seconds / (time.monotonic() - begun))))
    channel.send({"type": "done"})


def sleep_with_the_lock(channel):
    """Waits in one call of C that keeps Python's lock."""
    channel.send({"type": "started", "pid": os.getpid()})
    ctypes.PyDLL(None).sleep(600)


def with_helpers(channel, ending="sleep"):
    """Starts a process of its own, as data loaders do, and one by fork."""
    helper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    forked = os.fork()
    if forked == 0:
        time.sleep(600)
    channel.send({"type": "started", "pid": os.getpid(), "helpers": [helper.pid, forked]})
    if ending == "sleep":
        time.sleep(600)
    channel.send({"type": "done"})


def half_a_line(channel):
    channel.send({"type": "step", "step": 1})
    with channel._sending:  # its signs of life would come between
        channel._connection.sendall(b'{"type": "do')
        os.kill(os.getpid(), signal.SIGKILL)


def no_json(channel):
    channel._connection.sendall(b"what is this\n")
    time.sleep(600)


def two_ends(channel):
    channel.send({"type": "done", "which": 1})
    channel.send({"type": "step"})
    channel.send({"type": "failed", "which": 2})


def stay_after_the_end(channel):
    channel.send({"type": "done", "pid": os.getpid()})
    time.sleep(600)


def fall(channel):
    raise RuntimeError("a worker that raises")


def leave(channel, code):
    sys.exit(code)


def plod(channel, seconds):
    """Is slow, and says how far it is."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        channel.send({"type": "progress"})
        time.sleep(0.2)
    channel.send({"type": "done"})


def nothing(channel):
    pass


def nan(channel):
    channel.send({"type": "step", "loss": float("nan")})
