"""One holder at a time; the lock of a dead process is free."""

import contextlib
import os
import signal
import subprocess
import sys

import pytest

from pedl.errors import StoreError
from pedl.store import lock

HOLDER = """
import sys, time, pathlib
from pedl.store import lock
with lock.hold(pathlib.Path(sys.argv[1]), "experiment 3"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_second_holder_is_refused_and_a_dead_one_gives_way(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE_S", 0.1)
    path = tmp_path / "master.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert lock.is_held(path)
        with (
            pytest.raises(StoreError, match="experiment 3 is being run by another process"),
            lock.hold(path, "experiment 3"),
        ):
            pass
    finally:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait()
    assert not lock.is_held(path)
    with lock.hold(path, "experiment 3"):
        assert lock.is_held(path)
    assert not lock.is_held(path)


@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_who_forked_meanwhile_keeps_no_lock(tmp_path, error):
    path, (reading, writing) = tmp_path / "workers.lock", os.pipe()
    with contextlib.suppress(KeyboardInterrupt), lock.hold_together(path, "experiment 3", str, str):
        if (child := os.fork()) == 0:
            os.read(reading, 1)
            os._exit(0)
        if error is not None:
            raise error
    with lock.hold_together(path, "experiment 3", pytest.fail, str):
        pass
    os.write(writing, b"x")
    os.waitpid(child, 0)


def test_asking_about_a_lock_that_was_never_made_makes_no_file(tmp_path):
    assert not lock.is_held(tmp_path / "master.lock")
    assert list(tmp_path.iterdir()) == []
