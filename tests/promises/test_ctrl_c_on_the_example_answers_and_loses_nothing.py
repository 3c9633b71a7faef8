"""Ctrl-C while the MNIST example trains: it answers within two seconds plus one step, and going on changes nothing."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from pedl.experiment import load_experiment
from pedl.store import Home
from tests.promises.commands import ROOT, command, environment, pedl

EXAMPLE = ("examples/mnist/const.yaml", "examples/mnist", "--seed", "42", "--workers", "1")
ANSWERS_WITHIN_S = 2.0
"""Besides the step that was begun."""

BUSY = 2
"""How many times slower than in the run before everything may be: others use the machine, too."""


@pytest.mark.long
def test_ctrl_c_answers_within_two_seconds_and_a_step_and_going_on_gives_the_same_outcome(tmp_path: Path) -> None:
    calm, home = tmp_path / "calm", tmp_path / "home"
    assert pedl(calm, "experiment", "create", *EXAMPLE).code == 0
    process = subprocess.Popen(
        command(home, "experiment", "create", *EXAMPLE), env=environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert any("step 1/5" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    asked = time.monotonic()
    told = process.stderr.read()
    assert process.wait() == 130
    assert time.monotonic() - asked < BUSY * (ANSWERS_WITHIN_S + longest_step_s(calm))
    assert re.search(r"Pausing: trials save a checkpoint at the end of a step; Ctrl-C again stops at once\.", told)
    assert re.search(
        r"Experiment 1 is paused and loses nothing\. Go on with: pedl --home \S+ experiment activate 1", told
    )
    (trial,) = load_experiment(1, home).describe()["trials"]
    assert 0 < trial["steps_completed"] < 5
    assert pedl(home, "experiment", "activate", "1").code == 0
    assert load_experiment(1, home).outcome_sha256 == load_experiment(1, calm).outcome_sha256


def longest_step_s(home: Path) -> float:
    times = [datetime.fromisoformat(event.recorded_at) for event in Home(home).events(1) if event.kind == "step"]
    return max((later - sooner).total_seconds() for sooner, later in pairwise(times))
