"""Processes are killed at every named write, sync, rename and send, before and after it: nothing is lost."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import list_experiments, load_experiment
from pedl.points import POINTS, VARIABLE
from pedl.store import Home
from pedl.store.checkpoints import verify_checkpoint
from pedl.store.definition import GuardedCopy
from pedl.store.storage import Storage
from tests.executor.living import MARK, assert_nobody_stays
from tests.marks import long_but
from tests.promises.commands import ROOT, environment
from tests.promises.survived import PROPERTY, Survived

MASTER = Path(__file__).parent / "light_master.py"

CREATING = ("definition.write", "definition.sync", "file.write", "file.sync", "file.rename", "file.sync-directory",
            "home.tables", "home.place", "store.commit")  # fmt: skip
DELETING = ("home.delete", "store.commit", "storage.remove")
RUNNING = (*(name for name in POINTS if name not in (*CREATING, *DELETING)), "store.commit", "storage.remove")

AT_MOST = 150
"""Commands that one experiment may take."""


class Crashing:
    """A directory with a home, and commands that are stopped as ordered."""

    def __init__(self, directory: Path, orders: list[tuple[str, str, int]]) -> None:
        self.directory, self.home = directory, directory / "home"
        self.marks = directory / "marks"
        self.mark = uuid.uuid4().hex
        self.orders = "; ".join(f"{when} {name} {number} {self.marks}" for when, name, number in orders)
        self.killed = 0
        self.marks.mkdir(parents=True)
        (directory / "definition").mkdir()
        (directory / "definition" / "model_def.py").write_text("x = 1\n")
        (directory / "pauses").write_text("16")
        config = {
            "hyperparameters": {"units": {"type": "int", "minval": 4, "maxval": 64}},
            "searcher": {"name": "random", "metric": "loss", "max_steps": 48, "max_trials": 3},
            "batches_per_step": 1,
            "min_validation_period": 1,
            "max_restarts": 10**6,
            "checkpoint_storage": {"url": str(directory / "storage"), "save_trial_latest": 2},
        }
        (directory / "config.json").write_text(json.dumps(config))

    def command(self, *words: str) -> bool:
        """Runs one command; True if it came to its end, False if it was stopped."""
        done = subprocess.run(
            [sys.executable, str(MASTER), str(self.home), *words],
            env=environment({VARIABLE: self.orders, MARK: self.mark}),
            cwd=ROOT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert_nobody_stays(self.mark)
        if done.returncode == -signal.SIGKILL:
            self.killed += 1
            return False
        assert done.returncode == 0, done.stderr
        return True

    def until_done(self, *words: str) -> None:
        for _ in range(AT_MOST):
            if self.command(*words):
                return
        raise AssertionError(f"{words} does not come to an end")

    def run_to_the_end(self, experiment_id: int = 1) -> dict[str, Any]:
        for _ in range(AT_MOST):
            self.command("run", str(experiment_id))
            described = load_experiment(experiment_id, self.home).describe()
            if described["state"] == "COMPLETED":
                return described
        raise AssertionError("the experiment does not come to an end")

    def stopped_at(self) -> set[str]:
        return {path.name for path in self.marks.iterdir()}


def ordered(names: tuple[str, ...], when: str, number: int = 1) -> list[tuple[str, str, int]]:
    return [(when, name, number) for name in names]


def named(orders: list[tuple[str, str, int]]) -> set[str]:
    return {f"{when} {name} {number}" for when, name, number in orders}


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The description of the experiment when nothing is stopped."""
    one = Crashing(tmp_path_factory.mktemp("calm") / "one", [])
    one.until_done("create")
    return one.run_to_the_end()


def kept(described: dict[str, Any]) -> list[list[tuple[int, str]]]:
    return [[(it["step"], it["sha256"]) for it in trial["checkpoints"]] for trial in described["trials"]]


def whole(one: Crashing, described: dict[str, Any], calm: dict[str, Any]) -> None:
    """Same outcome, same checkpoints, all of them readable, and no file that nobody knows."""
    assert described["outcome_sha256"] == calm["outcome_sha256"]
    assert kept(described) == kept(calm)
    created = Home(one.home).events(described["id"])[0].payload
    storage = Storage(created["config"]["checkpoint_storage"]["url"], created["storage_name"])
    expected = {(trial["id"], it["uuid"]) for trial in described["trials"] for it in trial["checkpoints"]}
    assert storage.found() == expected
    for trial in described["trials"]:
        for it in trial["checkpoints"]:
            place = one.directory / "storage" / created["storage_name"] / f"trial-{trial['id']}" / it["uuid"]
            verify_checkpoint(place, it["sha256"])
    assert list(Home(one.home).paths(described["id"]).root.glob("checkpoints/*/*")) == []


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
def test_an_experiment_that_is_stopped_at_every_point_comes_to_the_same_end(
    tmp_path: Path, calm: dict[str, Any], when: str, record_property: Callable[[str, Any], None]
) -> None:
    orders = ordered(RUNNING, when)
    one = Crashing(tmp_path / "one", orders)
    _create(one)
    described = one.run_to_the_end()
    assert one.stopped_at() == named(orders)
    whole(one, described, calm)
    record_property(PROPERTY, Survived(stops=one.stopped_at(), experiments=1).plain())


def _create(one: Crashing) -> None:
    orders, one.orders = one.orders, ""
    one.until_done("create")
    one.orders = orders


# The last is never passed again in a home whose file was renamed: it has a home of its own.
@pytest.mark.parametrize(
    "names", [tuple(set(CREATING) - {"file.sync-directory"}), ("file.sync-directory",)], ids=["all", "last"]
)
@pytest.mark.parametrize("when", long_but(("before",), ("before", "after")))
def test_a_creation_that_is_stopped_at_every_point_leaves_whole_experiments_or_none(
    tmp_path: Path, when: str, names: tuple[str, ...], record_property: Callable[[str, Any], None]
) -> None:
    orders = ordered(names, when)
    one = Crashing(tmp_path / "one", orders)
    while not one.command("create"):
        assert one.killed < AT_MOST
        list_experiments(one.home)  # what is there can be read at any time
    assert one.stopped_at() == named(orders)
    entries = list_experiments(one.home)
    assert entries
    for entry in entries:
        created = Home(one.home).events(entry["id"])[0].payload
        GuardedCopy(Home(one.home).paths(entry["id"]).model_definition, created["model_definition_files"]).check()
        assert len(load_experiment(entry["id"], one.home).describe()["trials"]) == 3
    roots = {path.name for path in (one.home / "experiments").iterdir()}
    assert {str(entry["id"]) for entry in entries} <= roots
    record_property(PROPERTY, Survived(stops=one.stopped_at()).plain())


@pytest.mark.parametrize("names", [("home.delete", "store.commit"), ("home.delete",)], ids=["both", "last"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_that_is_stopped_is_either_not_begun_or_done(
    tmp_path: Path, when: str, names: tuple[str, ...], record_property: Callable[[str, Any], None]
) -> None:
    one = Crashing(tmp_path / "one", [])
    one.until_done("create")
    one.orders = "; ".join(f"{when} {name} 1 {one.marks}" for name in names)
    for _ in range(5):
        if not list_experiments(one.home):
            break
        one.command("delete", "1")
    assert list_experiments(one.home) == []
    one.orders = ""
    one.until_done("create")
    assert [entry["id"] for entry in list_experiments(one.home)] == [2]
    record_property(PROPERTY, Survived(stops=one.stopped_at()).plain())


def test_every_name_is_tried_and_every_name_in_the_code_is_on_the_list() -> None:
    assert {*CREATING, *DELETING, *RUNNING} == set(POINTS)
    found = set()
    for path in (ROOT / "pedl").rglob("*.py"):
        found |= set(
            re.findall(r'(?:point\(f?|transaction\(connection, |name: str = )"([a-z]+[.][^"]+)"', path.read_text())
        )
    patterns = {re.sub(r"\\{[^}]*\\}", ".+", re.escape(name)) for name in found - {"checkpoint.rename"}}
    patterns |= {re.escape("checkpoint.rename")}
    assert all(any(re.fullmatch(pattern, name) for pattern in patterns) for name in POINTS)
    assert all(any(re.fullmatch(pattern, name) for name in POINTS) for pattern in patterns)


def test_an_order_that_nobody_passes_is_missed(tmp_path: Path) -> None:
    one = Crashing(tmp_path / "one", [("before", "no.such-point", 1)])
    one.until_done("create")
    assert (one.killed, one.stopped_at()) == (0, set())


@pytest.mark.soak
@pytest.mark.parametrize("name", RUNNING)
def test_each_point_alone_at_its_first_passages(tmp_path: Path, calm: dict[str, Any], name: str) -> None:
    for when in ("before", "after"):
        for number in (1, 2, 3):
            one = Crashing(tmp_path / f"{when}-{number}", [(when, name, number)])
            _create(one)
            whole(one, one.run_to_the_end(), calm)
