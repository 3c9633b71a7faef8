"""Whoever is killed with -9, no process stays behind and each attempt has its end."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from pedl.executor import processes

from .living import HERE, MARK, assert_nobody_stays, assert_only, assert_so_many, carrying, kill, start_master


def server_pid(driver):
    return driver.executor._server.pid


def test_a_killed_worker_is_lost_and_the_others_go_on(driver):
    killed, other = driver.start("sleep", trial_id=1), driver.start("wait_for_pause", trial_id=2)
    driver.started(other)
    kill(driver.started(killed)["pid"])
    assert driver.end_of(killed)[-1] == {"type": "lost", "reason": "killed by signal 9"}
    driver.executor.send(other, {"type": "pause"})
    assert driver.end_of(other)[-1]["type"] == "paused"


def test_an_attempt_that_the_master_kills_is_gone_and_fenced(driver):
    attempt = driver.start("sleep")
    pid = driver.started(attempt)["pid"]
    driver.executor.kill(attempt)
    assert not psutil.pid_exists(pid)
    assert driver.executor.poll(0.3) == []
    assert driver.start("sleep").number == 2


def test_messages_that_a_killed_attempt_had_sent_before_are_not_delivered_either(driver):
    attempt = driver.start("answer", count=1000)
    time.sleep(0.5)  # it has sent them all by now, and most likely ended
    driver.executor.kill(attempt)
    assert driver.executor.poll(0.3) == []


def test_an_attempt_can_be_killed_before_its_process_exists(make_driver, mark):
    driver = make_driver(**{MARK: mark})
    attempt = driver.start("sleep")
    driver.executor.kill(attempt)
    assert_only([server_pid(driver)], mark)
    assert driver.executor.poll(0.3) == []


@pytest.mark.parametrize("end", ["done", "killed by itself", "killed by the master"])
def test_processes_that_a_trial_started_end_with_it(make_driver, mark, end):
    driver = make_driver(**{MARK: mark})
    attempt = driver.start("with_helpers", ending="done" if end == "done" else "sleep")
    pid = driver.started(attempt)["pid"]
    if end == "killed by the master":
        driver.executor.kill(attempt)
    elif end == "killed by itself":
        kill(pid)
    if end != "killed by the master":
        assert driver.end_of(attempt)[-1]["type"] == ("done" if end == "done" else "lost")
    assert_only([server_pid(driver)], mark)


def test_closing_leaves_no_process(make_driver, mark):
    driver = make_driver(**{MARK: mark})
    for trial, what in enumerate(("sleep", "hold_the_lock", "with_helpers"), 1):
        driver.started(driver.start(what, trial_id=trial))
    assert_so_many(6, mark)
    driver.executor.close()
    assert_nobody_stays(mark)


def test_closing_before_the_server_has_imported_anything_leaves_no_process(make_driver, mark):
    driver = make_driver(**{MARK: mark})
    driver.start("sleep")
    driver.executor.close()
    assert_nobody_stays(mark)


def test_a_killed_server_takes_its_workers_along_and_the_next_start_has_a_new_one(make_driver, mark):
    driver = make_driver(**{MARK: mark})
    attempts = [driver.start(what, trial_id=trial) for trial, what in enumerate(("sleep", "with_helpers"), 1)]
    for attempt in attempts:
        driver.started(attempt)
    kill(server_pid(driver))
    for attempt in attempts:
        assert driver.end_of(attempt)[-1] == {"type": "lost", "reason": "the warm server ended (killed by signal 9)"}
        assert [message["type"] for message in driver.messages(attempt)] == ["started", "lost"]
    assert_nobody_stays(mark)
    assert driver.end_of(driver.start("answer"))[-1]["type"] == "done"


def test_a_server_killed_while_it_imports_loses_the_attempt_and_is_replaced(make_driver, mark, tmp_path):
    (tmp_path / "slow_to_import.py").write_text("import time\ntime.sleep(1)\nfrom dummy_worker import main\n")
    driver = make_driver("slow_to_import", PYTHONPATH=f"{tmp_path}:{HERE}", **{MARK: mark})
    attempt = driver.start("answer")
    kill(server_pid(driver))
    assert driver.end_of(attempt) == [{"type": "lost", "reason": "the warm server ended (killed by signal 9)"}]
    assert driver.end_of(driver.start("answer"))[-1]["type"] == "done"


def test_a_server_killed_while_nothing_runs_costs_no_attempt(driver):
    driver.end_of(driver.start("answer"))
    os.kill(server_pid(driver), signal.SIGKILL)
    psutil.Process(server_pid(driver)).wait(5)
    assert driver.end_of(driver.start("answer"))[-1]["type"] == "done"


JOBS = ("sleep", "hold_the_lock", "with_helpers")


def test_workers_end_when_their_master_is_killed(tmp_path, mark):
    master, _ = start_master(tmp_path, mark, *JOBS)
    assert_so_many(7, mark)
    master.kill()
    assert_nobody_stays(mark)
    assert master.communicate()[0] == ""


def test_workers_end_when_their_master_is_ended_by_a_signal_it_does_not_handle(tmp_path, mark):
    master, _ = start_master(tmp_path, mark, *JOBS)
    master.send_signal(signal.SIGHUP)
    assert_nobody_stays(mark)
    master.communicate()


@pytest.mark.parametrize("master_first", [True, False])
def test_workers_end_when_master_and_server_are_killed_together(tmp_path, mark, master_first):
    master, (server, *_) = start_master(tmp_path, mark, "sleep", "sleep")
    kill(*((master.pid, server) if master_first else (server, master.pid)))
    assert_nobody_stays(mark)
    master.communicate()


def test_nobody_is_left_when_all_are_killed(tmp_path, mark):
    master, pids = start_master(tmp_path, mark, "sleep", "sleep")
    kill(master.pid, *pids)
    assert_nobody_stays(mark)
    master.communicate()


def test_the_watchdog_alone_ends_a_worker_where_the_kernel_does_not(tmp_path, mark):
    (tmp_path / "without_kernel.py").write_text(
        "import pedl.executor.child as child; child._LIBC = None\nfrom dummy_worker import main\n"
    )
    master, (server, _) = start_master(tmp_path, mark, "sleep", worker="without_kernel")
    kill(server, master.pid)
    assert_nobody_stays(mark)
    master.communicate()


def test_without_any_of_the_three_a_worker_would_outlive_its_master(tmp_path, mark):
    """The twin: what the tests above rely on is what makes them pass."""
    (tmp_path / "without_lifeline.py").write_text(
        "import pedl.executor.child as child; child._LIBC = None; child._watch = lambda *_: None\n"
        "from dummy_worker import main\n"
    )
    master, (server, worker) = start_master(tmp_path, mark, "sleep", worker="without_lifeline")
    kill(server, master.pid)
    with pytest.raises(AssertionError, match="expected only"):
        assert_nobody_stays(mark, within_s=2.5)
    assert [process.pid for process in carrying(mark)] == [worker]
    kill(worker)
    master.communicate()


def test_a_process_number_that_was_reused_is_not_killed():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    began = processes.start_time(process.pid)
    if began is None:
        pytest.skip("no /proc to tell processes apart by")
    processes.kill_group(process.pid, began - 1)
    assert process.poll() is None
    processes.kill_group(process.pid, began)
    assert process.wait(5) == -signal.SIGKILL
    assert processes.start_time(process.pid) is None
