"""How long Ctrl-C takes on the MNIST example, and whether going on gives the same outcome.

    python benchmarks/pause.py [--rounds 9]

Each round creates an experiment from examples/mnist/const.yaml with one worker, sends SIGINT at a random moment after
its first step, waits for the command to end, and goes on with the command that it names. Reported are medians, and
quartiles, of the seconds until it says that it pauses, until the command has ended, and of a step in the same run.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np
from contest import spread

from pedl.experiment import load_experiment
from pedl.store import Home

ROOT = Path(__file__).parents[1]
EXAMPLE = ["examples/mnist/const.yaml", "examples/mnist", "--seed", "42", "--workers", "1"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    moments = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        calm = Path(name) / "calm"
        start(calm, "create", *EXAMPLE).communicate()
        outcome, length_s = load_experiment(1, calm).outcome_sha256, step_s(calm)
        rows, same = [], 0
        for number in range(arguments.rounds):
            home = Path(name) / str(number)
            told_s, ended_s = interrupted(home, moments.uniform(0, 2 * length_s))
            start(home, "activate", "1").communicate()
            rows.append((told_s, ended_s, step_s(home)))
            same += load_experiment(1, home).outcome_sha256 == outcome
    told, ended, step = np.array(rows).T
    print("| Ctrl-C, MNIST example | seconds |")
    print("|---|---|")
    print(f"| until it says that it pauses | {spread(told)} |")
    print(f"| until the command has ended | {spread(ended)}, at most {ended.max():.2f} |")
    print(f"| a step of 100 batches | {spread(step)} |")
    print(f"\nGone on with: {same} of {arguments.rounds} with the same outcome.")


def start(home: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pedl", "--home", str(home), "experiment", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def interrupted(home: Path, after_s: float) -> tuple[float, float]:
    """Returns the seconds from SIGINT to the first word, and to the command's end."""
    process = start(home, "create", *EXAMPLE)
    assert any("step 1/5" in line for line in process.stderr)
    time.sleep(after_s)
    asked = time.perf_counter()
    process.send_signal(signal.SIGINT)
    assert any("Pausing" in line for line in process.stderr)
    told = time.perf_counter()
    process.communicate()
    assert process.returncode == 130
    return told - asked, time.perf_counter() - asked


def step_s(home: Path) -> float:
    """Returns the median length of a step, in seconds."""
    times = [datetime.fromisoformat(event.recorded_at) for event in Home(home).events(1) if event.kind == "step"]
    return float(np.median([(later - sooner).total_seconds() for sooner, later in pairwise(times)]))


if __name__ == "__main__":
    main()
