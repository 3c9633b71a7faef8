import pytest

from tests.trial.alone import Alone


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """Runs a trial alone in a new process, with a cache of its own."""
    runner = Alone(tmp_path_factory.mktemp("alone"), XDG_CACHE_HOME=str(tmp_path_factory.mktemp("cache")))
    yield runner
    runner.close()
