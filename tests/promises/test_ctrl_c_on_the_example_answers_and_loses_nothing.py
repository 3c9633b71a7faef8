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

EXAMPLE = ROOT / "examples/mnist"
STEPS = 12
"""More than in the example as it is: it must still train when its first step was told."""

ANSWERS_WITHIN_S = 2.0
"""Besides the step that was begun."""

BUSY = 5
"""How many times slower than in the run before everything may be: others use the machine, too."""


@pytest.mark.long
def test_ctrl_c_answers_within_two_seconds_and_a_step_and_going_on_gives_the_same_outcome(tmp_path: Path) -> None:
    calm, home, config = tmp_path / "calm", tmp_path / "home", tmp_path / "const.yaml"
    config.write_text((EXAMPLE / "const.yaml").read_text().replace("max_steps: 5", f"max_steps: {STEPS}"))
    create = ("experiment", "create", str(config), str(EXAMPLE), "--seed", "42", "--workers", "1")
    assert pedl(calm, *create).code == 0
    process = subprocess.Popen(command(home, *create), env=environment(), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any(f"step 1/{STEPS}" in line for line in process.stderr)
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
    assert 0 < trial["steps_completed"] < STEPS
    assert pedl(home, "experiment", "activate", "1").code == 0
    assert load_experiment(1, home).outcome_sha256 == load_experiment(1, calm).outcome_sha256


def longest_step_s(home: Path) -> float:
    times = [datetime.fromisoformat(event.recorded_at) for event in Home(home).events(1) if event.kind == "step"]
    return max((later - sooner).total_seconds() for sooner, later in pairwise(times))
