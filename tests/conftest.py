"""What all tests share: no home of the user's, and the same hypothesis examples in every run."""

import pytest
from hypothesis import settings

# Derandomized: a run that fails fails again. No deadline: the machine may be busy.
settings.register_profile("pedl", derandomize=True, deadline=None)
settings.load_profile("pedl")


@pytest.fixture(autouse=True)
def _no_home_of_the_users(monkeypatch):
    monkeypatch.delenv("PEDL_HOME", raising=False)
