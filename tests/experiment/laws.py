"""The law of the master, as a function, so that a test can apply it and its twin can see it fail."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

from pedl.experiment import load_experiment
from pedl.store import Home
from tests.experiment.fake_executor import Chaos, FakeExecutor, MasterDied, Script

SCRIPT = Script(fails={2: (3, "nan")}, session_config={3: {"intra_op_parallelism_threads": 1}})
"""One trial fails by itself, and one asks for other pools: part of the outcome of every run below."""

RESULTS = ("step", "validation", "reached")


def run_to_the_end(home: Path, executor: FakeExecutor, workers: int) -> None:
    """Activates again and again until the experiment is over, however often its master dies."""
    for _ in range(1000):
        try:
            load_experiment(1, home, executor).run(workers)
        except MasterDied:
            continue
        return
    raise AssertionError("the experiment does not come to an end")


def decision_log(home: Path) -> dict[int | None, list[Any]]:
    """What the search decided, trial by trial."""
    log: dict[int | None, list[Any]] = {}
    for event in Home(home).events(1):
        if event.kind in ("trial_created", "trial_targeted", "trial_closed"):
            log.setdefault(event.trial_id, []).append((event.kind, event.payload))
    return log


def finding(home: Path) -> tuple[Any, ...]:
    """All that must be equal: outcome, decisions, states of the trials."""
    described = load_experiment(1, home).describe()
    states = [trial["state"] for trial in described["trials"]]
    return described["outcome_sha256"], decision_log(home), states


def recorded_once(home: Path) -> None:
    """No result is recorded twice: the first one stays."""
    places = [
        (event.kind, event.trial_id, event.payload["step"]) for event in Home(home).events(1) if event.kind in RESULTS
    ]
    assert len(places) == len(set(places)), "a result was recorded twice"


def one_outcome(created: Path, seed: int, workers: int) -> None:
    """Any order, duplicates, late messages, lost workers, dead masters: the finding of an undisturbed run.

    Args:
      created: a home with experiment 1, which never ran.
      seed: of the chaos.
    """
    with tempfile.TemporaryDirectory() as name:
        calm, wild = Path(name) / "calm", Path(name) / "wild"
        shutil.copytree(created, calm)
        shutil.copytree(created, wild)
        run_to_the_end(calm, FakeExecutor(script=SCRIPT), 1)
        chaos = Chaos(random.Random(seed), losses=0.05, duplicates=0.2, master_deaths=0.03)
        run_to_the_end(wild, FakeExecutor(chaos, SCRIPT), workers)
        assert finding(wild) == finding(calm)
        assert finding(calm)[0] is not None
        recorded_once(wild)


def no_crash_matters(created: Path) -> None:
    """The log of a whole run, cut after each of its events in turn: going on from there gives the same finding."""
    with tempfile.TemporaryDirectory() as name:
        whole = Path(name) / "whole"
        shutil.copytree(created, whole)
        run_to_the_end(whole, FakeExecutor(Chaos(random.Random(1), losses=0.05), SCRIPT), 2)
        expected = finding(whole)
        for length in range(1, len(Home(whole).events(1))):
            home = Path(name) / f"cut-{length}"
            shutil.copytree(whole, home)
            with sqlite3.connect(home / "pedl.db") as connection:
                connection.execute("DELETE FROM events WHERE sequence > ?", (length,))
            run_to_the_end(home, FakeExecutor(script=SCRIPT), 2)
            assert finding(home) == expected, f"cut after event {length}"
