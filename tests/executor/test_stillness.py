"""A worker that stands still is noticed after a stated time, ended, and heard no more; one that is slow is not."""

import os
import signal
import sys
import time

import psutil
import pytest

from pedl.errors import InputError
from pedl.executor import local
from pedl.executor.processes import start_time
from pedl.executor.stillness import LOOK_EVERY_S, SILENT_S, STALLED_S, Clock, Patience, Stillness


@pytest.fixture
def impatient(make_driver):
    """Gives up a worker after 2.5 seconds without a sign of life, or 4 without progress."""
    return make_driver(patience=Patience(silent_s=2.5, stalled_s=4.0))


def stop(pid):
    os.kill(pid, signal.SIGSTOP)


def test_a_stopped_worker_is_given_up_and_gone_and_the_next_one_works(impatient):
    attempt = impatient.start("plod", seconds=60.0)
    impatient.started(attempt)
    (worker,) = psutil.Process(impatient.executor._server.pid).children()
    stop(worker.pid)
    stopped_at = time.monotonic()
    assert impatient.end_of(attempt)[-1] == {
        "type": "lost", "reason": "it stood still: no sign of life for 2.5 seconds (PEDL_SILENT_S)"
    }  # fmt: skip
    assert time.monotonic() - stopped_at > 1.0
    assert not psutil.pid_exists(worker.pid)
    assert impatient.end_of(impatient.start("answer"))[-1]["type"] == "done"


def test_a_stopped_worker_is_not_heard_when_it_wakes(impatient, monkeypatch):
    """It is woken instead of killed: the worst that could happen."""
    monkeypatch.setattr(local, "kill_group", lambda pid, began, wait=True: os.kill(pid, signal.SIGCONT))
    attempt = impatient.start("plod", seconds=60.0)
    impatient.started(attempt)
    (worker,) = psutil.Process(impatient.executor._server.pid).children()
    stop(worker.pid)
    messages = impatient.end_of(attempt)
    assert messages[-1]["type"] == "lost"
    assert impatient.executor.poll(1.0) == []
    assert not psutil.pid_exists(worker.pid)


def test_a_read_that_hangs_in_a_process_that_lives_is_noticed(make_driver):
    driver = make_driver(patience=Patience(silent_s=60.0, stalled_s=4.0))
    attempt = driver.start("sleep")
    assert driver.end_of(attempt)[-1] == {
        "type": "lost", "reason": "it stood still: no progress for 4 seconds (PEDL_STALLED_S)"
    }  # fmt: skip


def test_a_worker_that_waits_with_pythons_lock_gives_no_sign_of_life(impatient):
    attempt = impatient.start("sleep_with_the_lock")
    assert impatient.end_of(attempt)[-1]["reason"] == "it stood still: no sign of life for 2.5 seconds (PEDL_SILENT_S)"


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked in /proc")
def test_a_worker_that_computes_with_pythons_lock_lives_until_progress_is_missed(make_driver):
    driver = make_driver(patience=Patience(silent_s=2.5, stalled_s=60.0))
    assert driver.end_of(driver.start("read_a_large_file", seconds=6.0))[-1] == {"type": "done"}
    driver = make_driver(patience=Patience(silent_s=2.5, stalled_s=6.0))
    reason = driver.end_of(driver.start("hold_the_lock"))[-1]["reason"]
    assert reason == "it stood still: no progress for 6 seconds (PEDL_STALLED_S)"


def test_the_import_may_take_as_long_as_progress_may(make_driver, tmp_path):
    (tmp_path / "slow_worker.py").write_text(
        "import time\ntime.sleep(2)\ndef main(channel): channel.send({'type': 'done'})\n"
    )
    for stalled_s, end in ((30.0, "done"), (0.5, "lost")):
        driver = make_driver(
            "slow_worker", patience=Patience(silent_s=60.0, stalled_s=stalled_s), PYTHONPATH=str(tmp_path)
        )
        assert driver.end_of(driver.start("answer"))[-1]["type"] == end


@pytest.mark.parametrize("name", ["PEDL_SILENT_S", "PEDL_STALLED_S"])
@pytest.mark.parametrize("value", ["1h", "", "0", "-5", "nan"])
def test_a_variable_that_is_no_number_of_seconds_is_refused(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=rf"^{name}: found '{value}', expected a number of seconds.*, such as \d+\.$"):
        Patience.asked_for()


def test_a_slow_worker_that_says_how_far_it_is_is_left_alone(make_driver):
    driver = make_driver(patience=Patience(silent_s=60.0, stalled_s=4.0))
    assert driver.end_of(driver.start("plod", seconds=7.0))[-1] == {"type": "done"}


def test_a_server_that_was_stopped_is_replaced(impatient):
    attempt = impatient.start("sleep")
    pid = impatient.started(attempt)["pid"]
    server = impatient.executor._server.pid
    stop(server)
    assert impatient.end_of(attempt)[-1]["type"] == "lost"
    assert start_time(pid) is None
    assert impatient.end_of(impatient.start("answer"))[-1]["type"] == "done"
    assert impatient.executor._server.pid != server


def test_a_master_that_slept_blames_nobody(impatient):
    attempt = impatient.start("plod", seconds=60.0)
    impatient.started(attempt)
    (worker,) = psutil.Process(impatient.executor._server.pid).children()
    stop(worker.pid)
    time.sleep(6)  # the master, or the whole machine
    worker.resume()
    impatient.until(lambda received: len(received) > 20)
    assert all(message["type"] == "progress" for message in impatient.messages(attempt))
    impatient.executor.kill(attempt)


@pytest.mark.parametrize("jump_s", [10.0**6, -(10.0**6)])
def test_a_clock_that_jumps_counts_for_little(monkeypatch, jump_s):
    now = [0.0]
    monkeypatch.setattr("pedl.executor.stillness.time.monotonic", lambda: now[0])
    clock, stillness = Clock(), Stillness()
    now[0] += jump_s
    passed = clock.look()
    stillness.passes(passed)
    assert passed <= LOOK_EVERY_S
    assert stillness.too_long(Patience()) is None


def test_the_times_are_those_of_the_documentation_and_a_variable_changes_them(monkeypatch):
    assert (SILENT_S, STALLED_S) == (60.0, 1800.0)
    assert Patience.asked_for() == Patience(60.0, 1800.0)
    monkeypatch.setenv("PEDL_STALLED_S", "7200")
    assert Patience.asked_for() == Patience(60.0, 7200.0)
