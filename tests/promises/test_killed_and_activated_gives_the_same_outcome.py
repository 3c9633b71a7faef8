"""Killed with -9 at random moments (a worker, the warm server, the master, all of them) and activated: same outcome."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import load_experiment
from tests.promises.commands import WORKLOADS, pedl, write_config
from tests.promises.kills import VICTIMS, Killer
from tests.promises.survived import PROPERTY, Survived

KILLS = [pytest.param(12, marks=pytest.mark.long), pytest.param(36, marks=pytest.mark.soak)]
"""With the short form of `test_chaos.py`, which kills three times as many that train by a formula, and its long form,
which kills hundreds of every workload."""

KINDS = {"keras": "mlp", "graph": "graph", "tf.data": "dataset"}
"""In the short form: kind of trial -> the workload that it is, made slower."""

CONFIG: dict[str, Any] = {
    "entrypoint": "slow:AnySlowTrial",
    "hyperparameters": {"kind": {"type": "categorical", "vals": list(KINDS)}},
    "searcher": {"name": "grid", "metric": "loss", "max_steps": 12},
    "batches_per_step": 4,
    "min_validation_period": 3,
    "min_checkpoint_period": 1,
    "max_restarts": 10_000,
    "reproducibility": {"experiment_seed": 42},
}


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with experiment 1, which never ran."""
    return _created(tmp_path_factory.mktemp("created"), CONFIG)


@pytest.fixture(scope="module")
def undisturbed(created: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description of the experiment when nobody killed anybody."""
    return _undisturbed(created, tmp_path_factory.mktemp("undisturbed") / "home")


def _undisturbed(created: Path, home: Path) -> dict[str, Any]:
    shutil.copytree(created, home)
    assert pedl(home, "experiment", "activate", "1", "--workers", "1").code == 0
    return load_experiment(1, home).describe()


def _created(directory: Path, config: dict[str, Any]) -> Path:
    file = write_config(directory / "config.yaml", **config)
    done = pedl(directory / "home", "experiment", "create", str(file), str(WORKLOADS), "--paused")
    assert done.code == 0, done.err
    return directory / "home"


def the_same(described: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    """Asserts that an experiment is over with the same outcome, and that each trial has the same last checkpoint."""
    assert described["state"] == undisturbed["state"] == "COMPLETED"
    assert described["outcome_sha256"] == undisturbed["outcome_sha256"]
    for trial, calm in zip(described["trials"], undisturbed["trials"], strict=True):
        assert (trial["fingerprint"], trial["weights_sha256"]) == (calm["fingerprint"], calm["weights_sha256"])
        assert trial["checkpoints"][-1]["sha256"] == calm["checkpoints"][-1]["sha256"]


def many_kills(
    tmp_path: Path, created: Path, undisturbed: dict[str, Any], kills: int, workers: int, killer: Killer
) -> Survived:
    """The law: experiment after experiment is killed again and again until there were so many kills."""
    rounds = lost = 0
    while (left := kills - killer.kills.total()) > 0:
        home = tmp_path / str(rounds)
        shutil.copytree(created, home)
        killer.run_to_the_end(home, uuid.uuid4().hex, left, workers)
        described = load_experiment(1, home).describe()
        the_same(described, undisturbed)
        assert killer.kills.total() > kills - left, "the experiment ended before anybody was killed"
        lost += sum(trial["restarts"] for trial in described["trials"])
        rounds += 1
    assert set(killer.kills) == set(VICTIMS)
    assert lost >= kills // 3, "of the workers that were lost while a master lived"
    survived = killer.survived()
    survived.experiments += rounds
    return survived


@pytest.mark.parametrize("kills", KILLS)
def test_kills_at_random_moments_change_nothing(
    tmp_path: Path, created: Path, undisturbed: dict[str, Any], record_property: Callable[[str, Any], None], kills: int
) -> None:
    survived = many_kills(tmp_path, created, undisturbed, kills, workers=2, killer=Killer(seed=7))
    record_property(PROPERTY, survived.plain())
