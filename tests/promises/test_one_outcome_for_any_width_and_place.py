"""Whole experiments: one outcome for any number of workers and cores, any place, any load; another for another seed."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.promises.commands import WORKLOADS, Ended, events, pedl, printed, write_config
from tests.trial.alone import TRIAL_WORKLOADS, Alone

FEW = ("functional", "graph", "stateful", "dataset")
"""The workloads of the shorter runs."""

EPOCH = dict.fromkeys(TRIAL_WORKLOADS, 7) | {"lstm": 5, "sequence": 8, "processes": 8, "stateful": 5}
"""Batches per epoch of each workload; all are in one experiment."""

CONFIG: dict[str, Any] = {
    "entrypoint": "every:EveryTrial",
    "hyperparameters": {"workload": {"type": "categorical", "vals": list(EPOCH)}},
    "searcher": {"name": "grid", "metric": "loss", "max_steps": 3},
    "batches_per_step": 4,
    "min_validation_period": 2,
    "min_checkpoint_period": 1,
    "reproducibility": {"experiment_seed": 42, "onednn": True},
}
SHORTER = {**CONFIG, "hyperparameters": {"workload": {"type": "categorical", "vals": list(FEW)}}}

BATCHES = 12
"""More than an epoch of each workload."""


@dataclass(frozen=True)
class Finished:
    """An experiment that has run."""

    home: Path
    described: dict[str, Any]

    @property
    def outcome(self) -> str:
        assert self.described["state"] == "COMPLETED"
        return str(self.described["outcome_sha256"])

    def weights(self) -> dict[str, str]:
        return {trial["hparams"]["workload"]: trial["weights_sha256"] for trial in self.described["trials"]}


def run(tmp_path: Path, *words: str, config: dict[str, Any] = CONFIG, home: str = "home", **around: Any) -> Finished:
    """Creates and runs an experiment in a process of its own."""
    file = write_config(tmp_path / "config.yaml", **config)
    done: Ended = pedl(tmp_path / home, "experiment", "create", str(file), str(WORKLOADS), "--json", *words, **around)
    assert done.code == 0, done.err
    return Finished(tmp_path / home, done.json())


@pytest.fixture(
    scope="module", params=[pytest.param(SHORTER, id="a few"), pytest.param(CONFIG, id="all", marks=pytest.mark.soak)]
)
def config(request: pytest.FixtureRequest) -> dict[str, Any]:
    return dict(request.param)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory, config: dict[str, Any]) -> Finished:
    """The outcome that all others must have: one worker, in this process's surroundings."""
    return run(tmp_path_factory.mktemp("reference"), "--workers", "1", config=config)


def the_same(finished: Finished, reference: Finished) -> None:
    here, there = ([bits(trial) for trial in it.described["trials"]] for it in (finished, reference))
    assert len(here) >= len(FEW) and here == there
    assert finished.outcome == reference.outcome


def bits(trial: dict[str, Any]) -> dict[str, Any]:
    return {name: trial[name] for name in ("hparams", "trial_seed", "training", "validation", "weights_sha256")}


@contextlib.contextmanager
def busy(loops: int) -> Iterator[None]:
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def circumstances(finished: Finished) -> dict[str, Any]:
    """What the first trial said of where it is."""
    return dict(printed(finished.home, 1, "circumstances")[-1])


@pytest.mark.long
@pytest.mark.parametrize("load", [0, 2])
def test_two_workers_give_the_outcome_of_one_on_a_busy_machine_too(
    tmp_path: Path, reference: Finished, config: dict[str, Any], load: int
) -> None:
    with busy(load):
        the_same(run(tmp_path, "--workers", "2", config=config), reference)


def stay() -> None:
    """Keeps this process and its children on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


@pytest.mark.long
def test_another_place_and_one_core_give_the_same_outcome(
    tmp_path: Path, reference: Finished, config: dict[str, Any]
) -> None:
    """Working directory, homes, locale, time zone, directory for temporary files, and the command's string hashes."""
    for name in ("elsewhere", "user", "temporary"):
        (tmp_path / name).mkdir()
    before = circumstances(reference)
    there = run(
        tmp_path,
        *("--workers", "2"),
        config=config,
        home="somewhere/an other home",
        directory=tmp_path / "elsewhere",
        changes={
            "HOME": str(tmp_path / "user"),
            "LC_ALL": "C" if before["locale"] != "C" else "C.UTF-8",
            "TZ": "Asia/Kathmandu" if os.environ.get("TZ") != "Asia/Kathmandu" else "UTC",
            "TMPDIR": str(tmp_path / "temporary"),
            "PYTHONHASHSEED": "12345",
        },
        first=stay,
    )
    the_same(there, reference)
    after = circumstances(there)
    # The surroundings did reach the trial; but string hashes, on which the order of sets depends, are always the same.
    one_core = {"cores"} if before["cores"] <= 1 else set()
    assert {name for name in before if before[name] == after[name]} == {"string hash", *one_core}
    assert after["cores"] in (0, 1), "on one core, where the system can be told so"


@pytest.mark.long
def test_another_seed_gives_another_outcome_and_other_weights_to_every_trial(
    tmp_path: Path, reference: Finished, config: dict[str, Any]
) -> None:
    other = run(tmp_path, "--workers", "2", "--seed", "43", config=config)
    assert other.outcome != reference.outcome
    assert [name for name, weights in other.weights().items() if weights == reference.weights()[name]] == []


@pytest.mark.long
def test_a_trial_run_alone_has_the_weights_that_it_has_among_others(tmp_path: Path, reference: Finished) -> None:
    alone = Alone(tmp_path)
    try:
        for trial in reference.described["trials"]:
            # Callbacks hear of the validations: after two steps, and after the last.
            actions = [["train", 8], ["epoch"], ["train", BATCHES - 8], ["words"], ["epoch"], ["end"], ["weights"]]
            config = {"entrypoint": CONFIG["entrypoint"], "batches_per_step": CONFIG["batches_per_step"]}
            results = alone(WORKLOADS, *actions, seed=trial["trial_seed"], hparams=trial["hparams"], config=config)
            words, weights = results[3], results[-1]
            assert words["fingerprint"] == trial["fingerprint"]
            assert weights == trial["weights_sha256"]
    finally:
        alone.close()


def data_words(finished: Finished) -> dict[str, list[str]]:
    """Workload -> the word of the data of each batch."""
    found: dict[str, list[str]] = {}
    names = {trial["id"]: trial["hparams"]["workload"] for trial in finished.described["trials"]}
    for trial_id, step in events(finished.home, "step"):
        data = base64.b64decode(step["data"])
        found.setdefault(names[trial_id or 0], []).extend(data[at : at + 8].hex() for at in range(0, len(data), 8))
    return found


def test_the_order_of_the_data_differs_between_epochs(reference: Finished) -> None:
    for name, words in data_words(reference).items():
        first, second = words[: EPOCH[name]], words[EPOCH[name] : 2 * EPOCH[name]]
        assert len(words) == BATCHES
        assert set(first).isdisjoint(second)


@pytest.mark.long
def test_a_trial_that_draws_from_the_operating_system_has_another_outcome_each_time(tmp_path: Path) -> None:
    """The twin: the outcome does notice what is not controlled."""
    config = {
        **CONFIG,
        "entrypoint": "every:EntropyTrial",
        "hyperparameters": {},
        "searcher": {"name": "single", "metric": "loss", "max_steps": 1},
    }
    one, other = (run(tmp_path, config=config, home=home) for home in ("one", "other"))
    assert one.outcome != other.outcome


POOLS = {"default": (4, 4), "preset": (1, 1), "odd": (6, 3)}


def pools_in_force(finished: Finished) -> dict[str, tuple[int, int]]:
    """Setting -> sizes of the pools as TensorFlow's context told them."""
    names = {trial["id"]: trial["hparams"]["pools"] for trial in finished.described["trials"]}
    profiles = [(names[trial_id or 0], said["numeric_profile"]) for trial_id, said in events(finished.home, "started")]
    return {name: (profile["intra_op"], profile["inter_op"]) for name, profile in profiles}


def threads_in_force(finished: Finished) -> dict[str, tuple[int, int]]:
    """Setting -> threads of the process as the system counts them: within operations (and all others), and between."""
    found = {}
    for trial in finished.described["trials"]:
        threads = printed(finished.home, trial["id"], "threads")[-1]
        inter_op = threads.get("tf_Compute", 0)
        others = sum(count for name, count in threads.items() if not name.startswith("tf_"))
        found[trial["hparams"]["pools"]] = (others, inter_op)
    return found


@pytest.mark.long
def test_default_and_preset_are_reproducible_with_the_pools_that_were_asked_for(tmp_path: Path) -> None:
    config = {
        **CONFIG,
        "entrypoint": "pools:PoolsTrial",
        "hyperparameters": {"pools": {"type": "categorical", "vals": list(POOLS)}},
        "searcher": {"name": "grid", "metric": "loss", "max_steps": 1},
    }
    one = run(tmp_path, "--workers", "1", config=config, home="one")
    other = run(tmp_path, "--workers", "3", config=config, home="other")
    assert one.outcome == other.outcome
    assert pools_in_force(one) == pools_in_force(other) == POOLS
    if sys.platform == "linux":
        threads = threads_in_force(one)
        assert {name: inter_op for name, (_, inter_op) in threads.items()} == {name: POOLS[name][1] for name in POOLS}
        # The main thread and the like are as many in each; the rest is the pool within operations.
        assert len({others - POOLS[name][0] for name, (others, _) in threads.items()}) == 1
