"""A model definition that is never imported, and experiments on it that are trained by a formula."""

from pathlib import Path

import pytest

from pedl.experiment import Experiment, create_experiment
from tests.experiment.fake_executor import FakeExecutor


def configuration(**changes):
    """A random search of three trials of four steps of two batches; accuracy is to be large."""
    searcher = {"name": "random", "metric": "accuracy", "smaller_is_better": False, "max_steps": 4, "max_trials": 3}
    return {
        "hyperparameters": {"units": {"type": "int", "minval": 4, "maxval": 64}, "nested": {"rate": 0.5}},
        "searcher": searcher,
        "batches_per_step": 2,
        "min_checkpoint_period": 1,
        "min_validation_period": 2,
        "max_restarts": 10**6,
        **changes,
    }


@pytest.fixture(scope="session")
def definition(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("definition")
    (directory / "model_def.py").write_text("x = 1\n")
    return directory


@pytest.fixture
def experiment(tmp_path, definition):
    """Makes an experiment in a home of its own: `experiment(FakeExecutor(...), seed=7, **configuration)`."""

    def make(executor: FakeExecutor | None = None, seed: int = 7, **changes) -> Experiment:
        executor = executor or FakeExecutor()
        return create_experiment(configuration(**changes), definition, tmp_path / "home", seed, executor)

    return make
