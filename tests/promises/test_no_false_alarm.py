"""What was not touched is called identical, however busy the machine is: no false alarm, over all workloads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import Experiment, create_experiment, load_experiment
from pedl.verify import verify_experiment
from tests.promises.commands import WORKLOADS
from tests.promises.shared_executor import SharedExecutor
from tests.promises.test_one_outcome_for_any_width_and_place import CONFIG, EPOCH, FEW, SHORTER, busy

VERIFICATIONS = 200
"""In the long run; each is of one trial, workload after workload."""


@pytest.fixture(scope="module")
def executor() -> Iterator[SharedExecutor]:
    made = SharedExecutor()
    yield made
    made.close_for_good()


def interrupted(home: Path, config: dict[str, Any], executor: SharedExecutor) -> Experiment:
    """Runs an experiment with a trial of each workload, which is paused and resumed on the way."""
    made = create_experiment(config, WORKLOADS, home, make_executor=executor)
    asked: list[bool] = []

    def pause_once(running: Experiment) -> None:
        if not asked and running.describe()["trials"][0]["steps_completed"]:
            asked.append(made.home.request(1, "pause", {}))

    made.run(workers=2, on_change=pause_once)
    assert made.state == "PAUSED"
    made.run(workers=2)
    assert made.state == "COMPLETED"
    return load_experiment(1, home, executor)


@pytest.fixture(scope="module")
def every_workload(tmp_path_factory: pytest.TempPathFactory, executor: SharedExecutor) -> Experiment:
    return interrupted(tmp_path_factory.mktemp("every"), CONFIG, executor)


@pytest.mark.long
def test_an_untouched_experiment_with_a_few_workloads_is_identical(tmp_path: Path, executor: SharedExecutor) -> None:
    saves_where_it_pauses = {**SHORTER, "min_checkpoint_period": None}
    identical(interrupted(tmp_path, saves_where_it_pauses, executor), len(FEW))


@pytest.mark.soak
def test_an_untouched_experiment_with_every_workload_is_identical(every_workload: Experiment) -> None:
    identical(every_workload, len(EPOCH))


def identical(experiment: Experiment, trials: int) -> None:
    with busy(2):
        found = verify_experiment(experiment, workers=2)
    assert [it.to_dict() for it in found.trials if not it.identical] == []
    assert found.identical and found.complete and len(found.trials) == trials
    assert all(it.weights and it.steps == 3 and not it.note for it in found.trials)


@pytest.mark.soak
def test_hundreds_of_verifications_under_load_raise_no_alarm(every_workload: Experiment) -> None:
    differences = []
    with busy(3):
        for number in range(VERIFICATIONS):
            found = verify_experiment(every_workload, workers=1, trials=[number % len(EPOCH) + 1])
            differences += [it.difference for it in found.trials if it.difference is not None]
            assert found.identical == (not differences)
    assert differences == []
