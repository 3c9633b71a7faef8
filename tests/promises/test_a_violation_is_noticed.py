"""A trial that repeats a step with another result is stopped, with both sides shown, and what was recorded is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pedl.experiment import Experiment, create_experiment
from tests.marks import long_but
from tests.promises.commands import WORKLOADS, events
from tests.promises.shared_executor import SharedExecutor

CONFIG: dict[str, Any] = {
    "hyperparameters": {},
    "searcher": {"name": "single", "metric": "loss", "max_steps": 24},
    "batches_per_step": 4,
    "reproducibility": {"experiment_seed": 42},
}


@pytest.fixture(scope="module")
def shared() -> Iterator[SharedExecutor]:
    made = SharedExecutor()
    yield made
    made.close_for_good()


def killed_once(
    executor: SharedExecutor, home: Path, entrypoint: str, after_step: int, **changes: Any
) -> tuple[Experiment, dict[int, Any]]:
    """Runs a trial whose worker is killed once when step `after_step` is recorded.

    Returns:
      The experiment, and what was recorded of each step when the worker was killed.
    """
    experiment = create_experiment(
        {**CONFIG, "entrypoint": entrypoint, **changes}, WORKLOADS, home, make_executor=executor
    )
    recorded: dict[int, Any] = {}

    def kill_one(running: Experiment) -> None:
        if not recorded and running.describe()["trials"][0]["steps_completed"] >= after_step:
            recorded.update({step["step"]: step for _, step in events(home, "step")})
            for server in psutil.Process().children():
                for worker in server.children():
                    worker.kill()

    experiment.run(workers=1, on_change=kill_one)
    return experiment, recorded


# Between the step after which the worker is killed and its next checkpoint, or its end, lies a second.
FIRST_STEP = ({}, 3, 1)
AFTER_A_CHECKPOINT = ({"min_checkpoint_period": 8, "batches_per_step": 16}, 9, 9)


@pytest.mark.parametrize(
    ("changes", "after_step", "repeated"), long_but([FIRST_STEP], [FIRST_STEP, AFTER_A_CHECKPOINT])
)
def test_a_trial_with_uncontrolled_data_is_stopped_when_it_repeats_a_step(
    shared: SharedExecutor, tmp_path: Path, changes: dict[str, int], after_step: int, repeated: int
) -> None:
    experiment, recorded = killed_once(shared, tmp_path, "every:EntropyTrial", after_step, **changes)
    (trial,) = experiment.describe()["trials"]
    assert (experiment.state, trial["state"], trial["restarts"]) == ("ERROR", "ERROR", 1)

    ((_, violation),) = events(tmp_path, "violation")
    assert violation["step"] == repeated
    assert violation["what"] == "data, batch 1 of the step"
    assert violation["recorded"] != violation["repeated"]
    message = trial["messages"][-1]
    assert f"trial 1 repeated training step {repeated} with another result" in message
    assert f"recorded was {violation['recorded']}, repeated is {violation['repeated']}" in message

    now = {step["step"]: step for _, step in events(tmp_path, "step")}
    assert {step: now[step] for step in recorded} == recorded
    assert len(events(tmp_path, "step")) == len(now)


def test_a_trial_that_repeats_itself_raises_no_alarm(shared: SharedExecutor, tmp_path: Path) -> None:
    """The twin: killed in the same way, a reproducible trial goes on, and its repetitions were compared."""
    experiment, recorded = killed_once(shared, tmp_path, "every:SlowTrial", 3)
    assert (experiment.state, experiment.describe()["trials"][0]["restarts"]) == ("COMPLETED", 1)
    assert events(tmp_path, "violation") == []
    assert set(recorded) >= {1, 2, 3}


def test_an_alarm_that_compares_nothing_would_let_it_pass(
    shared: SharedExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin of the other side: without the comparison the trial completes, and nobody knows."""
    nothing: Callable[..., None] = lambda kind, recorded, repeated: None  # noqa: E731
    monkeypatch.setattr("pedl.experiment.receiving.first_difference", nothing)
    experiment, _ = killed_once(shared, tmp_path, "every:EntropyTrial", 3)
    assert experiment.state == "COMPLETED"
