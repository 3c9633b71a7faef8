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
