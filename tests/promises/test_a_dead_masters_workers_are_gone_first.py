"""A master that died leaves workers that cannot end by themselves; whoever takes over ends them before it begins."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import pytest

from pedl.errors import StoreError
from pedl.experiment import load_experiment
from pedl.store import Home
from tests.executor.living import MARK, assert_nobody_stays, assert_so_many, carrying
from tests.promises.commands import ROOT, environment
from tests.promises.light_master import make_executor
from tests.promises.test_trouble import CONFIG, MASTER, light, outcome_without_trouble, prepared

LONGER = {**CONFIG, "searcher": {**CONFIG["searcher"], "max_steps": 72}}
"""The workers must still be at work when they are stopped."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The outcome when nobody dies."""
    return outcome_without_trouble(tmp_path_factory.mktemp("calm") / "one", LONGER)


@pytest.fixture
def left_behind(tmp_path: Path) -> tuple[Path, str]:
    """A directory whose experiment's master was killed while its server and two workers stood still, and their mark."""
    directory, mark = prepared(tmp_path / "one", LONGER), uuid.uuid4().hex
    assert light(directory, "create").returncode == 0
    master = subprocess.Popen(
        [sys.executable, str(MASTER), str(directory / "home"), "run", "1"], env=environment({MARK: mark}), cwd=ROOT
    )
    names = Home(directory / "home").paths(1).workers_lock
    while not names.exists() or len(names.read_text().splitlines()) < 3:
        time.sleep(0.01)
    stubborn = [int(line.split()[0]) for line in names.read_text().splitlines()]
    assert_so_many(1 + len(stubborn), mark)  # one that is stopped while it begins shows no mark
    for pid in stubborn:
        os.kill(pid, signal.SIGSTOP)
    master.kill()
    master.wait()
    assert {process.pid for process in carrying(mark)} == set(stubborn)
    return directory, mark


def test_whoever_takes_over_ends_them_before_it_begins(left_behind: tuple[Path, str], calm: str) -> None:
    directory, mark = left_behind
    alive: list[list[psutil.Process]] = []
    experiment = load_experiment(1, directory / "home", make_executor)
    assert experiment.state == "PAUSED"  # nobody runs it
    experiment.run(workers=2, on_change=lambda _: alive.append(carrying(mark)))
    assert alive[0] == []
    assert experiment.outcome_sha256 == calm


def test_a_successor_that_does_not_look_for_them_begins_beside_them(
    left_behind: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, mark = left_behind
    alive: list[list[psutil.Process]] = []
    monkeypatch.setattr("pedl.store.lock._lock", lambda descriptor, within_s: True)
    load_experiment(1, directory / "home", make_executor).run(on_change=lambda _: alive.append(carrying(mark)))
    assert len(alive[0]) == 3
    for process in alive[0]:
        process.kill()


def test_one_that_cannot_be_ended_is_named_and_nobody_takes_over(
    left_behind: tuple[Path, str], calm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory, mark = left_behind
    experiment = load_experiment(1, directory / "home", make_executor)
    with monkeypatch.context() as patch:
        patch.setattr("pedl.executor.processes.signal_group", lambda pid: None)
        patch.setattr("pedl.executor.processes.GONE_TIMEOUT_S", 0.1)
        patch.setattr("pedl.store.lock.GONE_WITHIN_S", 0.1)
        pids = ", ".join(str(process.pid) for process in sorted(carrying(mark), key=lambda it: it.create_time()))
        told = f"Experiment 1: its master has died, and a process of its trials has not, though it was killed: {pids}"
        with pytest.raises(StoreError, match=told):
            experiment.run(workers=1)
        with pytest.raises(StoreError, match=r"Nobody else may go on while it could still write\. End it, or start"):
            experiment.delete()
    assert len(carrying(mark)) == 3
    experiment.run(workers=1)
    assert_nobody_stays(mark)
    assert experiment.outcome_sha256 == calm


def test_a_process_that_a_trial_left_with_the_file_open_is_waited_for_too(
    left_behind: tuple[Path, str], calm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not named in the file, as the trial forked it."""
    directory, _ = left_behind
    names = Home(directory / "home").paths(1).workers_lock
    for line in names.read_text().splitlines():
        os.kill(int(line.split()[0]), signal.SIGKILL)
    wait_until_free = (
        "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", wait_until_free, str(names)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None and holder.stdout.readline() == b"1\n"
    monkeypatch.setattr("pedl.store.lock.GONE_WITHIN_S", 0.1)
    experiment = load_experiment(1, directory / "home", make_executor)
    with pytest.raises(StoreError, match=r"killed: one that a trial started and that has .*workers\.lock open\."):
        experiment.run(workers=1)
    holder.communicate(b"\n")
    experiment.run(workers=1)
    assert experiment.outcome_sha256 == calm
