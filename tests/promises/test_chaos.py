"""Kills, stops, duplicates, late and reordered messages, all at once: one outcome, and a count of what was survived.

The short form trains by a formula, so that dozens of processes die in a minute; the long form (`-m soak`) trains every
workload, and stops at each crash point besides.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import load_experiment
from pedl.points import POINTS, VARIABLE
from tests.promises.commands import WORKLOADS, pedl, write_config
from tests.promises.kills import VICTIMS, Killer
from tests.promises.test_a_crash_at_every_point_changes_nothing import Crashing

MASTER = Path(__file__).parent / "chaotic_master.py"
SHORT_KILLS, LONG_KILLS = 40, 240


def chaotic(module: str, seed: int) -> Any:
    return lambda home, workers: [sys.executable, str(MASTER), str(home), str(workers), str(seed), module]


def finding(home: Path) -> dict[str, Any]:
    described = load_experiment(1, home).describe()
    return {
        "state": described["state"],
        "outcome": described["outcome_sha256"],
        "trials": [(trial["weights_sha256"], trial["fingerprint"], trial["state"]) for trial in described["trials"]],
        "checkpoints": [[(it["step"], it["sha256"]) for it in trial["checkpoints"]] for trial in described["trials"]],
    }


def chaos(directory: Path, created: Path, calm: dict[str, Any], module: str, kills: int, killer: Killer) -> str:
    """The law: experiment after experiment, 1 to 3 workers in turn, until so many were killed; returns the count."""
    rounds = 0
    while killer.kills.total() < kills:
        home = directory / str(rounds)
        shutil.copytree(created, home)
        killer.command = chaotic(module, rounds)
        killer.run_to_the_end(home, uuid.uuid4().hex, -(-kills // 3), workers=rounds % 3 + 1)
        assert finding(home) == calm, f"round {rounds}"
        rounds += 1
    return f"{killer.kills.total()} kills {dict(killer.kills)} in {rounds} experiments: 0 lost, 0 with another bit"


def test_dozens_of_kills_and_messages_late_and_twice_change_nothing(tmp_path: Path) -> None:
    one = Crashing(tmp_path / "one", [])
    config = json.loads((one.directory / "config.json").read_text())
    config["searcher"]["max_steps"] = 60
    config["checkpoint_storage"] = {"save_trial_latest": 2, "save_experiment_best": 2}
    (one.directory / "config.json").write_text(json.dumps(config))
    one.until_done("create")
    created = tmp_path / "created"
    shutil.copytree(one.home, created)
    (one.directory / "pauses").unlink()
    one.run_to_the_end()
    victims = {**VICTIMS, "stopped": 1}
    killer = Killer(7, (0.02, 0.6), victims=victims, variables={"PEDL_SILENT_S": "2.5"})
    print(chaos(tmp_path, created, finding(one.home), "tests.promises.light_worker", SHORT_KILLS, killer))
    assert set(killer.kills) == set(victims)


def test_a_real_worker_that_was_stopped_is_replaced_and_no_bit_changes(tmp_path: Path) -> None:
    config = {
        "entrypoint": "every:SlowTrial",
        "hyperparameters": {"units": 8},
        "searcher": {"name": "single", "metric": "loss", "max_steps": 20},
        "batches_per_step": 8,
        "min_checkpoint_period": 5,
        "reproducibility": {"experiment_seed": 42},
    }
    file = write_config(tmp_path / "config.yaml", **config)
    created, calm = tmp_path / "created", tmp_path / "calm"
    assert pedl(created, "experiment", "create", str(file), str(WORKLOADS), "--paused").code == 0
    shutil.copytree(created, calm)
    assert pedl(calm, "experiment", "activate", "1").code == 0
    killer = Killer(1, (0.1, 0.2), victims={"stopped": 1}, variables={"PEDL_SILENT_S": "3"})
    killer.run_to_the_end(created, uuid.uuid4().hex, 1, workers=1)
    assert finding(created) == finding(calm)
    (trial,) = load_experiment(1, created).describe()["trials"]
    assert trial["messages"] == ["restarted: it stood still: no sign of life for 3 seconds (PEDL_SILENT_S)"]


@pytest.mark.soak
def test_hundreds_of_kills_and_every_crash_point_change_nothing_in_any_workload(tmp_path: Path) -> None:
    names = ["mlp", "cnn", "lstm", "sequence"]
    config = {
        "entrypoint": "every:EveryTrial",
        "hyperparameters": {"workload": {"type": "categorical", "vals": names}},
        "searcher": {"name": "grid", "metric": "loss", "max_steps": 200},
        "batches_per_step": 4,
        "min_validation_period": 3,
        "min_checkpoint_period": 1,
        "max_restarts": 10**6,
        "reproducibility": {"experiment_seed": 42},
    }
    file = write_config(tmp_path / "config.yaml", **config)
    created, calm = tmp_path / "created", tmp_path / "calm"
    assert pedl(created, "experiment", "create", str(file), str(WORKLOADS), "--paused").code == 0
    shutil.copytree(created, calm)
    assert pedl(calm, "experiment", "activate", "1").code == 0
    marks = tmp_path / "marks"
    marks.mkdir()
    places = [(when, name, number) for when in ("before", "after") for name in POINTS for number in (1, 2)]
    random.Random(7).shuffle(places)
    orders = "; ".join(f"{when} {name} {number} {marks}" for when, name, number in places)
    victims = {**VICTIMS, "stopped": 1}
    variables = {"PEDL_SILENT_S": "5", VARIABLE: orders}
    killer = Killer(8, (0.1, 4.0), victims=victims, variables=variables)
    print(chaos(tmp_path, created, finding(calm), "pedl.trial.worker", LONG_KILLS, killer))
    print(f"{len(list(marks.iterdir()))} stops at crash points")
