import pytest

from tests.trial.alone import Alone


@pytest.fixture(scope="session")
def alone(tmp_path_factory):
    """Runs a trial alone in a new process: `alone("mlp", ["train", 5], ["weights"])`."""
    runner = Alone(tmp_path_factory.mktemp("alone"))
    yield runner
    runner.close()
