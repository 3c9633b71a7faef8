"""Searches that look at results, with real training: one outcome for any number of workers, and when all are killed."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import Experiment, create_experiment, load_experiment
from tests.promises.commands import WORKLOADS
from tests.promises.kills import Killer
from tests.promises.shared_executor import SharedExecutor
from tests.search.schedules import SEARCHERS

ASHA: dict[str, Any] = {"name": "asha", "max_steps": 2, "max_trials": 3, "max_rungs": 2, "divisor": 2}
"""In the default run; the long one has every method."""

PBT: dict[str, Any] = {**SEARCHERS["pbt"], "population_size": 2, "num_rounds": 2, "steps_per_round": 1}

HPARAMS: dict[str, Any] = {
    "learning_rate": {"type": "log", "base": 10, "minval": -3, "maxval": -1},
    "kinds": ["plateau", "batches", "own"],
}


SHARED = SharedExecutor()
"""What nobody kills loads TensorFlow once."""


@pytest.fixture(scope="module", autouse=True)
def shared() -> Iterator[None]:
    yield
    SHARED.close_for_good()


def create(home: Path, searcher: dict[str, Any], **changes: Any) -> Path:
    """Creates experiment 1, whose trials have callbacks that hear of each validation and move what is trained."""
    config = {
        "entrypoint": "callbacks:CallbacksTrial",
        "hyperparameters": HPARAMS,
        "searcher": {"metric": "loss", **searcher},
        "batches_per_step": 4,
        "max_restarts": 10_000,
        "reproducibility": {"experiment_seed": 42},
        **changes,
    }
    create_experiment(config, WORKLOADS, home, make_executor=SHARED)
    return home


def run(created: Path, home: Path, workers: int) -> dict[str, Any]:
    shutil.copytree(created, home)
    experiment = load_experiment(1, home, SHARED)
    experiment.run(workers)
    return experiment.describe()


def killed(created: Path, home: Path, workers: int, kills: int, seed: int) -> dict[str, Any]:
    shutil.copytree(created, home)
    Killer(seed=seed, pauses_s=(0.5, 3.0)).run_to_the_end(home, uuid.uuid4().hex, kills, workers)
    return load_experiment(1, home).describe()


def the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert one["state"] == other["state"] == "COMPLETED"
    assert one["outcome_sha256"] == other["outcome_sha256"]
    for name in ("hparams", "parent", "rung", "stopped", "fingerprint", "weights_sha256"):
        assert [trial[name] for trial in one["trials"]] == [trial[name] for trial in other["trials"]]


@pytest.mark.long
def test_three_workers_that_are_killed_decide_and_train_what_one_does(tmp_path: Path) -> None:
    created = create(tmp_path / "created", ASHA)
    alone = run(created, tmp_path / "alone", 1)
    the_same(killed(created, tmp_path / "other", workers=3, kills=1, seed=5), alone)
    stopped = [trial for trial in alone["trials"] if trial["stopped"]]
    assert stopped and len(stopped) < len(alone["trials"])


@pytest.mark.soak
@pytest.mark.parametrize("name", [name for name in SEARCHERS if name != "random"])
def test_each_method_has_one_outcome_for_any_width_and_under_kills(tmp_path: Path, name: str) -> None:
    if name == "optuna":
        pytest.importorskip("optuna")
    created = create(tmp_path / "created", SEARCHERS[name])
    alone = run(created, tmp_path / "1", 1)
    for workers in (2, 3, 8):
        the_same(run(created, tmp_path / str(workers), workers), alone)
    the_same(killed(created, tmp_path / "killed", 3, kills=6, seed=1), alone)


LADDER = {"name": "async_halving", "num_rungs": 2, "divisor": 2, "target_trial_steps": 4, "step_budget": 4}
"""One trial, which stops at step 2 and goes on to step 4."""


@pytest.fixture(scope="module")
def ladder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return create(tmp_path_factory.mktemp("ladder") / "created", LADDER, entrypoint="averaged:AveragedTrial")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The same trial, never stopped, but validated at the same steps."""
    directory = tmp_path_factory.mktemp("straight")
    single = {"name": "single", "max_steps": 4}
    created = create(directory / "created", single, min_validation_period=2, entrypoint="averaged:AveragedTrial")
    return run(created, directory / "home", 1)


def bits(described: dict[str, Any]) -> Any:
    (trial,) = described["trials"]
    return [trial[name] for name in ("training", "fingerprint", "weights_sha256")]


@pytest.mark.long
def test_a_trial_that_paused_at_a_rung_has_the_bits_of_one_that_did_not(
    tmp_path: Path, ladder: Path, straight: dict[str, Any]
) -> None:
    assert bits(run(ladder, tmp_path / "home", 1)) == bits(straight)


def after_the_first_rung(home: Path, action: Callable[[Experiment], None]) -> dict[str, Any]:
    """Runs experiment 1, and does something once its trial has paused at the first rung."""
    done: list[int] = []

    def changed(live: Experiment) -> None:
        (trial,) = live.describe()["trials"]
        if not done and len(trial["validation"]) == 1 and len(trial["checkpoints"]) == 1:
            done.append(1)
            action(live)

    experiment = load_experiment(1, home, SHARED)
    experiment.run(workers=1, on_change=changed)
    assert done
    return experiment.describe()


@pytest.mark.long
def test_a_trial_that_lost_its_checkpoint_at_a_rung_is_trained_again_to_the_same_bits(
    tmp_path: Path, ladder: Path, straight: dict[str, Any]
) -> None:
    """It comes by the rung without stopping there; its callbacks are told all the same what they were told before."""
    home = tmp_path / "home"
    shutil.copytree(ladder, home)

    def damage(live: Experiment) -> None:
        (kept,) = live.checkpoints(1)
        next(path for path in home.rglob("state.json") if kept.uuid in str(path)).write_text("{}")

    described = after_the_first_rung(home, damage)
    assert any("training starts again" in message for message in described["trials"][0]["messages"])
    assert bits(described) == bits(straight)


@pytest.mark.soak
def test_a_clone_that_would_need_weights_of_another_shape_fails_and_names_the_hyperparameter(tmp_path: Path) -> None:
    units = {"type": "int", "minval": 8, "maxval": 64}
    searcher = {
        **PBT,
        "explore_function": {"resample_probability": 0, "perturb_factor": 0.5},
    }
    searcher["replace_function"] = {"truncate_fraction": 0.5}
    created = create(tmp_path / "created", searcher, hyperparameters={"units": units}, entrypoint="mlp:MlpTrial")
    described = run(created, tmp_path / "home", 1)
    clone = described["trials"][2]
    assert clone["parent"] is not None and clone["state"] == "ERROR"
    parent = described["trials"][clone["parent"]["trial_id"] - 1]
    told = f"units {parent['hparams']['units']} -> {clone['hparams']['units']}"
    assert told in clone["messages"][-1] and "make it a constant" in clone["messages"][-1]
