"""The laws of the protocol, kept by processes of this machine. What happens after a kill -9 is in test_deaths.py."""

import os
import time

import pytest

from pedl.errors import PedlError
from pedl.executor import Attempt


def test_messages_arrive_in_order_and_end_with_one_terminal_message(driver):
    attempt = driver.start("answer", count=50)
    *steps, end = driver.end_of(attempt)
    assert [message["step"] for message in steps] == list(range(50))
    assert end["type"] == "done"
    assert driver.executor.poll(0.3) == []


def test_attempts_are_counted_from_one_for_each_trial(driver):
    assert driver.start("answer", trial_id=7) == Attempt(7, 1)
    assert driver.start("answer", trial_id=7) == Attempt(7, 2)
    assert driver.start("answer", trial_id=0) == Attempt(0, 1)


def test_many_attempts_run_side_by_side_each_in_a_process_of_its_own(driver):
    attempts = [driver.start("answer", trial_id=trial, count=20) for trial in range(1, 13)]
    ends = [driver.end_of(attempt) for attempt in attempts]
    assert all([message["step"] for message in end[:-1]] == list(range(20)) for end in ends)
    assert len({end[-1]["pid"] for end in ends}) == 12


def test_nothing_is_delivered_after_the_first_terminal_message(driver):
    attempt = driver.start("two_ends")
    assert driver.end_of(attempt) == [{"type": "done", "which": 1}]
    assert driver.executor.poll(0.3) == []


def test_a_message_and_a_task_of_ten_megabytes_pass_whole(driver):
    attempt = driver.start("big", ballast="y" * 10_000_000, size_bytes=10_000_000)
    payload, end = driver.end_of(attempt)
    assert payload == {"type": "step", "payload": "x" * 10_000_000, "asked": 10_000_000}
    assert end == {"type": "done"}


def test_a_worker_that_floods_its_output_blocks_nobody_and_all_of_it_is_in_the_log(driver):
    attempt = driver.start("flood", lines=50_000)
    time.sleep(1.0)  # nobody polls meanwhile, and nobody has to
    assert driver.end_of(attempt) == [{"type": "done"}]
    lines = driver.log().splitlines()
    assert [line.split()[1] for line in lines[:-1]] == [str(number) for number in range(50_000)]
    assert lines[-1] == "to the other stream: \u2713"


def test_attempts_append_to_the_log_of_their_trial(driver):
    driver.end_of(driver.start("flood", lines=1))
    driver.end_of(driver.start("flood", lines=1))
    driver.end_of(driver.start("flood", trial_id=2, lines=1))
    assert len(driver.log(1).splitlines()) == 4
    assert len(driver.log(2).splitlines()) == 2


def test_a_log_holds_the_same_bytes_under_every_locale(make_driver):
    driver = make_driver(LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0", PYTHONIOENCODING="ascii")
    driver.end_of(driver.start("flood", lines=0))
    assert driver.log() == "to the other stream: \u2713\n"


def test_a_request_reaches_the_worker(driver):
    attempt = driver.start("wait_for_pause")
    driver.started(attempt)
    driver.executor.send(attempt, {"type": "pause"})
    assert driver.end_of(attempt)[-1] == {"type": "paused", "got": {"type": "pause"}}


def test_a_request_sent_before_the_worker_runs_waits_for_it(driver):
    attempt = driver.start("wait_for_pause")
    driver.executor.send(attempt, {"type": "pause"})
    assert driver.end_of(attempt)[-1] == {"type": "paused", "got": {"type": "pause"}}


def test_a_request_to_an_attempt_that_has_ended_is_dropped(driver):
    attempt = driver.start("answer")
    driver.end_of(attempt)
    driver.executor.send(attempt, {"type": "pause"})
    driver.executor.kill(attempt)
    assert driver.executor.poll(0.2) == []


def test_polling_with_nothing_to_hear_returns_after_its_timeout(driver):
    driver.started(driver.start("sleep"))
    began = time.monotonic()
    assert driver.executor.poll(0.2) == []
    assert 0.15 < time.monotonic() - began < 2.0


@pytest.mark.parametrize(
    ("what", "options", "reason"),
    [
        ("fall", {}, "exit code 1"),
        ("leave", {"code": 0}, "exit code 1"),
        ("nothing", {}, "exit code 0"),
        ("nan", {}, "exit code 1"),
        ("half_a_line", {}, "killed by signal 9"),
    ],
)
def test_a_worker_that_ends_without_a_terminal_message_is_lost(driver, what, options, reason):
    end = driver.end_of(driver.start(what, **options))[-1]
    assert end == {"type": "lost", "reason": reason}


def test_the_half_line_of_a_killed_worker_is_dropped_and_what_came_before_is_delivered(driver):
    first, end = driver.end_of(driver.start("half_a_line"))
    assert first == {"type": "step", "step": 1}
    assert end["type"] == "lost"


def test_a_worker_that_raises_leaves_its_traceback_in_the_log(driver):
    driver.end_of(driver.start("fall"))
    assert driver.log().endswith("RuntimeError: a worker that raises\n")


def test_a_worker_may_not_send_nan_as_a_number(driver):
    driver.end_of(driver.start("nan"))
    assert "Out of range float values are not JSON compliant" in driver.log()


def test_what_is_no_message_ends_the_attempt_and_its_process(driver, monkeypatch):
    monkeypatch.setattr("pedl.executor.worker_link.LEAVE_TIMEOUT_S", 0.0)
    end = driver.end_of(driver.start("no_json"))[-1]
    assert end["type"] == "lost"
    assert end["reason"].startswith("its process sent what is not a message: ")


def test_a_worker_that_stays_after_its_terminal_message_is_gone_when_that_is_delivered(driver, monkeypatch):
    monkeypatch.setattr("pedl.executor.worker_link.LEAVE_TIMEOUT_S", 0.3)
    end = driver.end_of(driver.start("stay_after_the_end"))[-1]
    assert end["type"] == "done"
    with pytest.raises(ProcessLookupError):
        os.kill(end["pid"], 0)


def test_a_worker_sees_its_environment_and_nothing_of_the_masters_program(make_driver, tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise RuntimeError('a file of the working directory was imported')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SET_LATER", "yes")
    driver = make_driver(GIVEN="1")
    monkeypatch.setenv("GIVEN", "2")
    seen = driver.end_of(driver.start("describe"))[-1]
    assert seen["environment"]["GIVEN"] == "1"
    assert seen["started_in"] == str(tmp_path)
    assert str(tmp_path) not in seen["path"]
    assert "" not in seen["path"]
    assert seen["main"] is None
    assert seen["stdin"] == ""


def test_a_worker_module_that_does_not_import_is_an_error_that_shows_why(make_driver):
    driver = make_driver("no_such_module_anywhere")
    driver.start("answer")
    with pytest.raises(PedlError, match=r"(?s)no_such_module_anywhere does not import.*ModuleNotFoundError.*run this"):
        driver.until(lambda _: False)
    with pytest.raises(PedlError, match="ModuleNotFoundError"):
        driver.start("answer")


def test_a_worker_module_that_ends_the_server_is_an_error_that_shows_its_output(make_driver, tmp_path):
    (tmp_path / "ends_at_import.py").write_text("import os\nos.write(2, b'illegal instruction')\nos.abort()\n")
    driver = make_driver("ends_at_import", PYTHONPATH=str(tmp_path))
    driver.start("answer")
    with pytest.raises(
        PedlError, match=r"(?s)imports ends_at_import ended \(killed by signal 6\).*illegal instruction"
    ):
        driver.until(lambda _: False)


def test_a_closed_executor_says_so(driver):
    driver.executor.close()
    driver.executor.close()
    with pytest.raises(PedlError, match="closed; make another"):
        driver.start("answer")


def test_a_start_that_fails_leaves_no_file_open(driver, monkeypatch):
    driver.end_of(driver.start("answer"))

    def no_more(*_):
        raise OSError("too many open files")

    opened, open_log = [], driver.executor._open_log
    monkeypatch.setattr(driver.executor, "_open_log", lambda trial: opened.append(open_log(trial)) or opened[-1])
    with monkeypatch.context() as full:
        full.setattr("socket.socketpair", no_more)
        with pytest.raises(OSError, match="too many open files"):
            driver.start("answer")
    with monkeypatch.context() as full:
        full.setattr(driver.executor._server, "fork", no_more)
        with pytest.raises(OSError, match="too many open files"):
            driver.start("answer")
    for file in opened:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(file)
