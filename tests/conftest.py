"""What all tests share: no home of the user's, and the same hypothesis examples in every run."""

import signal
import threading

import pytest
from hypothesis import settings

# Derandomized: a run that fails fails again. No deadline: the machine may be busy.
settings.register_profile("pedl", derandomize=True, deadline=None)
settings.load_profile("pedl")

# A shell that starts the tests in the background has Ctrl-C ignored, which what they start would inherit.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _no_home_of_the_users(monkeypatch):
    monkeypatch.delenv("PEDL_HOME", raising=False)


def pytest_terminal_summary(terminalreporter):
    """Sums up what experiments survived in the tests that passed (`tests/promises/survived.py`)."""
    from tests.promises.survived import PROPERTY, summed

    passed = terminalreporter.stats.get("passed", [])
    counted = [value for report in passed for name, value in report.user_properties if name == PROPERTY]
    if counted:
        terminalreporter.section("disturbed, and the same bits")
        for line in summed(counted).lines():
            terminalreporter.write_line(line)
