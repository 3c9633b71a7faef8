"""Contenders that take turns: each is a process of its own that stays, and is timed for an epoch in every round.

A slow minute of the machine hits all of them. Reported are medians over rounds of the ratio within a round, and
quartiles.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pedl.trial.start import Started

WARM_UP_ROUNDS = 2

SECONDS = "seconds "
"""Begins the line of a trial's log in which timed_worker.py says how the trial spent its time."""

Epoch = Callable[[], int]
"""Trains an epoch, and returns its number of steps."""


def arguments(text: str, models: Sequence[str]) -> argparse.Namespace:
    """Returns the command line of a benchmark: --rounds, --models, and what a contender is started with."""
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--models", nargs="+", default=models)
    parser.add_argument("--contender", nargs=2, help=argparse.SUPPRESS)
    return parser.parse_args()


def measure(script: str, model: str, contenders: Sequence[str], rounds: int) -> dict[str, np.ndarray]:
    """Returns contender -> seconds per step in each round."""
    children = {name: _child(script, model, name) for name in contenders}
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(WARM_UP_ROUNDS + rounds):
        for name, child in children.items():
            child.stdin.write("go\n")
            child.stdin.flush()
            value = float(child.stdout.readline())
            if number >= WARM_UP_ROUNDS:
                seconds[name].append(value)
    for child in children.values():
        child.stdin.close()
        child.wait()
    return {name: np.array(values) for name, values in seconds.items()}


def contend(make_epoch: Callable[[], Epoch]) -> None:
    """In a contender: prints the seconds per step of an epoch, each time a line comes in."""
    out = os.fdopen(os.dup(1), "w")
    epoch = make_epoch()
    for _ in sys.stdin:
        started = time.perf_counter()
        steps = epoch()
        print((time.perf_counter() - started) / steps, file=out, flush=True)


def pedl_epoch(entrypoint: str, model: str, steps: int, *, recorded: bool) -> Epoch:
    """Returns an epoch of pedl's loop.

    Args:
      entrypoint: the trial class, in a module beside this one; its hyperparameter "model" is the model's name.
      recorded: whether batches are recorded, as they always are; or not, to see what it costs.
    """
    from pedl.trial.runs import run_class

    if not recorded:
        _take_the_record_out()
    started = started_trial(entrypoint, {"model": model})
    run = run_class(started.trial)(started, batches_per_step=100)

    def epoch() -> int:
        run.train(steps)
        return steps

    return epoch


def started_trial(entrypoint: str, hparams: dict[str, Any]) -> Started:
    """Returns a trial that is alive in this process; its class is in a module beside this one."""
    from pedl.trial.start import start

    return start(
        {
            "experiment_id": 1,
            "trial_id": 1,
            "trial_seed": 1,
            "hparams": hparams,
            "config": {
                "entrypoint": entrypoint,
                "reproducibility": {"threads": {"intra_op": 4, "inter_op": 4}, "op_determinism": True},
            },
            "definition": str(Path(__file__).parent),
            "session_config": None,
        }
    )


def _take_the_record_out() -> None:
    """No word of any variable or data is computed in this process, and no chain is made."""
    import tensorflow as tf

    from pedl.trial import fingerprint
    from pedl.trial.recorder import Recorder

    fingerprint.joint_word = lambda tensors: tf.zeros([fingerprint.WORD_BYTES], tf.uint8)
    fingerprint.words = lambda tensors: tf.zeros([len(tensors), fingerprint.WORD_BYTES], tf.uint8)
    fingerprint.rows = lambda tensor: tf.zeros([tf.shape(tensor)[0], fingerprint.WORD_BYTES], tf.uint8)
    Recorder.keep = lambda self, *words: None


def spread(values: np.ndarray, form: str = "{:.2f}") -> str:
    """Returns "median (lower quartile to upper quartile)"."""
    low, median, high = (form.format(value) for value in np.percentile(values, [25, 50, 75]))
    return f"{median} ({low} to {high})"


def _child(script: str, model: str, contender: str) -> subprocess.Popen:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, script, "--contender", model, contender]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )
