"""The laws of the protocol, kept by processes of this machine."""

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
