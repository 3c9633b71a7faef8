"""Kills, stops, interrupts, duplicates, late and reordered messages, all at once: one outcome, and a count.

The short form trains by a formula, so that dozens of processes die in a minute; the long form (`-m soak`) trains every
workload, and stops at each crash point besides. What was survived is in pytest's terminal summary.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import load_experiment
from pedl.points import VARIABLE
from tests.promises.chaotic_master import messages
from tests.promises.commands import WORKLOADS, events, pedl, write_config
from tests.promises.kills import DISTURBED, Killer
from tests.promises.survived import PROPERTY, Survived
from tests.promises.test_a_crash_at_every_point_changes_nothing import RUNNING, Crashing, named
from tests.promises.test_one_outcome_for_any_width_and_place import EPOCH

MASTER = Path(__file__).parent / "chaotic_master.py"
SHORT_KILLS, LONG_KILLS = 40, 280
MOST_ROUNDS = 40


def chaotic(module: str, seed: int) -> Any:
    return lambda home, workers: [sys.executable, str(MASTER), str(home), str(workers), str(seed), module]


def found(home: Path) -> dict[str, Any]:
    return finding(load_experiment(1, home).describe())


def finding(described: dict[str, Any]) -> dict[str, Any]:
    return {
        "state": described["state"],
        "outcome": described["outcome_sha256"],
        "trials": [(trial["weights_sha256"], trial["fingerprint"], trial["state"]) for trial in described["trials"]],
        "checkpoints": [[(it["step"], it["sha256"]) for it in trial["checkpoints"]] for trial in described["trials"]],
    }


@dataclass
class Chaos:
    """Experiment after experiment, 1 to 3 workers in turn, disturbed until it was enough.

    Args:
      directory: of all homes.
      created: the home with experiment 1, which never ran.
      module: of the workers.
      marks: where stops at crash points leave their marks.
      storage: where the experiment keeps its checkpoints beside the home.
    """

    directory: Path
    created: Path
    module: str
    killer: Killer
    marks: Path | None = None
    storage: Path | None = None

    def until(self, kills: int, in_one: int, stops: int, calm: dict[str, Any]) -> Survived:
        """The law: whatever is done to an experiment, it comes to the end of an undisturbed one.

        Args:
          kills: how many processes are to be killed at least, at most `in_one` of them in one experiment.
          stops: how many stops at crash points there are to be.
          calm: the finding of an undisturbed one.
        """
        survived = Survived()
        while self.killer.kills.total() < kills or len(self._stopped()) < stops:
            assert survived.experiments < MOST_ROUNDS, f"never stopped at: {stops - len(self._stopped())} orders"
            described = self._round(survived.experiments, in_one)
            assert finding(described) == calm, f"round {survived.experiments}"
            survived.experiments += 1
            survived.begun += _begun(self._home(survived.experiments - 1), described)
        survived.add(self.killer.survived())
        survived.stops |= self._stopped()
        survived.others += messages(self.directory)
        return survived

    def _round(self, number: int, kills: int) -> dict[str, Any]:
        home = self._home(number)
        shutil.copytree(self.created, home)
        if self.storage is not None:
            shutil.rmtree(self.storage, ignore_errors=True)  # all rounds are one experiment, each from its beginning
        self.killer.command = chaotic(self.module, number)
        self.killer.run_to_the_end(home, uuid.uuid4().hex, kills, workers=number % 3 + 1)
        return load_experiment(1, home).describe()

    def _home(self, number: int) -> Path:
        return self.directory / str(number)

    def _stopped(self) -> set[str]:
        return set() if self.marks is None else {path.name for path in self.marks.iterdir()}


def _begun(home: Path, described: dict[str, Any]) -> Counter[str]:
    names = {trial["id"]: str(trial["hparams"].get("workload", "")) for trial in described["trials"]}
    return Counter(names[trial_id] for trial_id, _ in events(home, "started") if trial_id and names[trial_id])


def test_dozens_of_kills_and_messages_late_and_twice_change_nothing(
    tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
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
    killer = Killer(7, (0.02, 0.6), victims=DISTURBED, variables={"PEDL_SILENT_S": "2.5"})
    chaos = Chaos(tmp_path, created, "tests.promises.light_worker", killer)
    survived = chaos.until(SHORT_KILLS, SHORT_KILLS // 3 + 1, 0, found(one.home))
    record_property(PROPERTY, survived.plain())
    assert set(killer.kills) == set(DISTURBED)


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
    assert found(created) == found(calm)
    (trial,) = load_experiment(1, created).describe()["trials"]
    assert trial["messages"] == ["restarted: it stood still: no sign of life for 3 seconds (PEDL_SILENT_S)"]


@pytest.mark.soak
def test_hundreds_of_kills_and_every_crash_point_change_nothing_in_any_workload(
    tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    storage, marks = tmp_path / "storage", tmp_path / "marks"
    marks.mkdir()
    config = {
        "entrypoint": "every:EveryTrial",
        "hyperparameters": {"workload": {"type": "categorical", "vals": list(EPOCH)}},
        "searcher": {"name": "grid", "metric": "loss", "max_steps": 60},
        "batches_per_step": 4,
        "min_validation_period": 3,
        "min_checkpoint_period": 1,
        "max_restarts": 10**6,
        "checkpoint_storage": {"url": str(storage), "save_trial_latest": 2},
        "reproducibility": {"experiment_seed": 42},
    }
    file = write_config(tmp_path / "config.yaml", **config)
    created, calm = tmp_path / "created", tmp_path / "calm"
    assert pedl(created, "experiment", "create", str(file), str(WORKLOADS), "--paused").code == 0
    shutil.copytree(created, calm)
    assert pedl(calm, "experiment", "activate", "1").code == 0
    orders = long_orders()
    variables = {"PEDL_SILENT_S": "10", VARIABLE: "; ".join(f"{when} {n} {i} {marks}" for when, n, i in orders)}
    killer = Killer(8, (0.1, 4.0), victims=DISTURBED, variables=variables)
    chaos = Chaos(tmp_path, created, "pedl.trial.worker", killer, marks, storage)
    survived = chaos.until(LONG_KILLS, LONG_KILLS // 6, len(orders), found(calm))
    record_property(PROPERTY, survived.plain())
    assert survived.stops == named(orders)
    assert set(killer.kills) == set(DISTURBED) and set(survived.begun) == set(EPOCH)


def long_orders() -> list[tuple[str, str, int]]:
    """Before and after each point of a run: at a process's first passage, or a later one where there are many."""
    numbers = random.Random(7)
    often = ("checkpoint.", "storage.write", "store.commit", "worker.send.step", "worker.send.checkpoint")
    return [
        (when, name, numbers.randint(1, 5) if name.startswith(often) else 1)
        for when in ("before", "after")
        for name in RUNNING
    ]
