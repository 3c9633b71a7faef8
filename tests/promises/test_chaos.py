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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import load_experiment
from pedl.points import VARIABLE
from tests.promises.chaotic_master import messages
from tests.promises.commands import WORKLOADS, pedl, write_config
from tests.promises.kills import DISTURBED, Killer
from tests.promises.survived import PROPERTY, Survived
from tests.promises.test_a_crash_at_every_point_changes_nothing import RUNNING, Crashing, named
from tests.promises.test_one_outcome_for_any_width_and_place import EPOCH

MASTER = Path(__file__).parent / "chaotic_master.py"
SHORT_KILLS, LONG_KILLS = 40, 300
MOST_ROUNDS = 40
SPREAD = 6
"""Rounds over which the stops at crash points are spread."""


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
class Calm:
    """A home with experiment 1, which never ran, and what is found of it after a run that nobody disturbed."""

    created: Path
    found: dict[str, Any]
    storage: Path | None = None
    """Where it keeps its checkpoints beside the home."""


@dataclass
class Chaos:
    """Experiment after experiment, 1 to 3 workers in turn, disturbed until it was enough.

    Args:
      directory: of all homes.
      module: of the workers.
      orders: of stops at crash points: (when, name, number), spread over the first rounds.
    """

    directory: Path
    module: str
    killer: Killer
    orders: list[tuple[str, str, int]] = field(default_factory=list)

    def until(self, kills: int, in_one: int, calm: list[Calm]) -> Survived:
        """The law: whatever is done to an experiment, it comes to the end of an undisturbed one.

        Args:
          kills: how many processes are to be killed at least, at most `in_one` of them in one experiment.
          calm: experiments, each as it is before its first run and after an undisturbed one; they take turns.
        """
        survived = Survived()
        while self.killer.kills.total() < kills or self._stopped() != named(self.orders):
            number = survived.experiments
            assert number < MOST_ROUNDS, f"nobody was stopped at {named(self.orders) - self._stopped()}"
            one = calm[number % len(calm)]
            described = self._round(number, in_one, one)
            assert finding(described) == one.found, f"round {number}"
            survived.experiments += 1
            survived.restarts += _restarts(described)
        survived.add(self.killer.survived())
        survived.stops |= self._stopped()
        survived.others += messages(self.directory)
        return survived

    def _round(self, number: int, kills: int, one: Calm) -> dict[str, Any]:
        home = self.directory / str(number)
        shutil.copytree(one.created, home)
        if one.storage is not None:
            shutil.rmtree(one.storage, ignore_errors=True)  # those of a calm one's rounds are one experiment
        self._marks.mkdir(exist_ok=True)
        orders = [it for place, it in enumerate(self.orders) if place % SPREAD == number or number >= SPREAD]
        self.killer.variables[VARIABLE] = "; ".join(f"{when} {name} {n} {self._marks}" for when, name, n in orders)
        self.killer.command = chaotic(self.module, number)
        self.killer.run_to_the_end(home, uuid.uuid4().hex, kills, workers=(number + number // 3) % 3 + 1)
        return load_experiment(1, home).describe()

    @property
    def _marks(self) -> Path:
        return self.directory / "marks"

    def _stopped(self) -> set[str]:
        return {path.name for path in self._marks.iterdir()} if self._marks.exists() else set()


def _restarts(described: dict[str, Any]) -> Counter[str]:
    trials = [trial for trial in described["trials"] if "workload" in trial["hparams"]]
    return Counter({trial["hparams"]["workload"]: trial["restarts"] for trial in trials})


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
    chaos = Chaos(tmp_path, "tests.promises.light_worker", killer)
    survived = chaos.until(SHORT_KILLS, SHORT_KILLS // 3 + 1, [Calm(created, found(one.home))])
    record_property(PROPERTY, survived.plain())
    assert set(killer.kills) == set(DISTURBED)


@pytest.mark.long
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
    killer = Killer(1, (0.1, 0.2), victims={"stopped": 1}, variables={"PEDL_SILENT_S": "10"})
    killer.run_to_the_end(created, uuid.uuid4().hex, 1, workers=1)
    assert found(created) == found(calm)
    (trial,) = load_experiment(1, created).describe()["trials"]
    assert trial["messages"] == ["restarted: it stood still: no sign of life for 10 seconds (PEDL_SILENT_S)"]


@pytest.mark.soak
def test_hundreds_of_kills_and_every_crash_point_change_nothing_in_any_workload(
    tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    names = list(EPOCH)
    # The first trials of an experiment are disturbed most: each workload is one of them once.
    calm = [undisturbed(tmp_path / f"calm-{first}", names[first:] + names[:first]) for first in (0, 4, 8)]
    killer = Killer(8, (0.1, 4.0), pauses_steps=(1, 20), victims=DISTURBED, variables={"PEDL_SILENT_S": "10"})
    chaos = Chaos(tmp_path, "pedl.trial.worker", killer, long_orders())
    survived = chaos.until(LONG_KILLS, LONG_KILLS // 5, calm)
    record_property(PROPERTY, survived.plain())
    assert set(killer.kills) == set(DISTURBED) and set(+survived.restarts) == set(EPOCH)


def undisturbed(directory: Path, workloads: list[str]) -> Calm:
    directory.mkdir()
    storage = directory / "storage"
    config = {
        "entrypoint": "every:EveryTrial",
        "hyperparameters": {"workload": {"type": "categorical", "vals": workloads}},
        "searcher": {"name": "grid", "metric": "loss", "max_steps": 60},
        "batches_per_step": 4,
        "min_validation_period": 3,
        "min_checkpoint_period": 1,
        "max_restarts": 10**6,
        "checkpoint_storage": {"url": str(storage), "save_trial_latest": 2},
        "reproducibility": {"experiment_seed": 42},
    }
    file = write_config(directory / "config.yaml", **config)
    created, calm = directory / "created", directory / "calm"
    assert pedl(created, "experiment", "create", str(file), str(WORKLOADS), "--paused").code == 0
    shutil.copytree(created, calm)
    assert pedl(calm, "experiment", "activate", "1").code == 0
    return Calm(created, found(calm), storage)


def long_orders() -> list[tuple[str, str, int]]:
    """Before and after each point of a run: at a process's first passage, or a later one where there are many."""
    numbers = random.Random(7)
    often = ("checkpoint.", "storage.write", "store.commit", "worker.send.step", "worker.send.checkpoint")
    return [
        (when, name, numbers.randint(1, 5) if name.startswith(often) else 1)
        for when in ("before", "after")
        for name in RUNNING
    ]
