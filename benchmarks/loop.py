"""Time of a training step: pedl's loop beside `model.fit`, and what pedl's record costs.

    python benchmarks/loop.py [--rounds 15] [--models mlp lstm cnn]

Each contender is a process of its own that stays, and they take turns: an epoch each, round after round, so that a slow
minute of the machine hits all of them. Printed are the medians over rounds of the ratio within a round, and their
quartiles.

`fit` and `fit 50` (steps_per_execution=50) run as a user has them: TensorFlow's default pools, no op determinism.
`pedl` records the fingerprint of all variables after every batch; `unrecorded` is the same with that record taken out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CONTENDERS = ("fit", "fit 50", "pedl", "unrecorded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--models", nargs="+", default=["mlp", "lstm", "cnn"])
    parser.add_argument("--contender", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        contend(*arguments.contender)
        return
    print(
        "| model | times as fast as `fit` | as `fit`, steps_per_execution=50 | the record's share of a step | step, ms "
        "|"
    )
    print("|---|---|---|---|---|")
    for model in arguments.models:
        seconds = measure(model, arguments.rounds)
        recorded = seconds["pedl"]
        record = spread((recorded - seconds["unrecorded"]) / recorded * 100, "{:.1f} %")
        fit, fit_50 = spread(seconds["fit"] / recorded), spread(seconds["fit 50"] / recorded)
        print(f"| {model} | {fit} | {fit_50} | {record} | {np.median(recorded) * 1e3:.2f} |", flush=True)


def spread(values: np.ndarray, form: str = "{:.2f}") -> str:
    low, median, high = (form.format(value) for value in np.percentile(values, [25, 50, 75]))
    return f"{median} ({low} to {high})"


def measure(model: str, rounds: int) -> dict[str, np.ndarray]:
    """Returns contender -> seconds per step in each round."""
    children = {name: _child(model, name) for name in CONTENDERS}
    seconds: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for number in range(rounds + 2):
        for name, child in children.items():
            child.stdin.write("go\n")
            child.stdin.flush()
            value = float(child.stdout.readline())
            if number >= 2:
                seconds[name].append(value)
    for child in children.values():
        child.stdin.close()
        child.wait()
    return {name: np.array(values) for name, values in seconds.items()}


def _child(model: str, contender: str) -> subprocess.Popen:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "PYTHONPATH": str(Path(__file__).parent)}
    command = [sys.executable, __file__, "--contender", model, contender]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment
    )


def contend(model: str, contender: str) -> None:
    """In a child: prints the seconds per step of an epoch, each time a line comes in."""
    out = os.fdopen(os.dup(1), "w")
    epoch = (_fit if contender.startswith("fit") else _pedl)(model, contender)
    for _ in sys.stdin:
        started = time.perf_counter()
        steps = epoch()
        print((time.perf_counter() - started) / steps, file=out, flush=True)


def _fit(model_name: str, contender: str):
    import models

    model = models.build(model_name)
    model.compile(models.optimizer(), models.LOSS, steps_per_execution=50 if contender == "fit 50" else 1)
    x, y = models.data(model_name)
    size = models.BATCH_SIZE[model_name]

    def epoch() -> int:
        model.fit(x, y, batch_size=size, verbose=0)
        return len(x) // size

    return epoch


def _pedl(model_name: str, contender: str):
    import tensorflow as tf

    from pedl.trial import fingerprint
    from pedl.trial.keras_run import KerasRun
    from pedl.trial.start import start

    if contender == "unrecorded":
        fingerprint.joint_word = lambda tensors: tf.zeros([fingerprint.WORD_BYTES], tf.uint8)
    threads = {"intra_op": 4, "inter_op": 4}
    started = start(
        {
            "experiment_id": 1,
            "trial_id": 1,
            "trial_seed": 1,
            "hparams": {"model": model_name},
            "config": {
                "entrypoint": "models:BenchmarkTrial",
                "reproducibility": {"threads": threads, "op_determinism": True},
            },
            "definition": str(Path(__file__).parent),
            "session_config": None,
        }
    )
    run = KerasRun(started, batches_per_step=100)
    steps = started.trial.make_data_loaders({}, {"model": model_name})[0][0].shape[0] // started.trial.batch_size()

    def epoch() -> int:
        run.train(steps)
        return steps

    return epoch


if __name__ == "__main__":
    main()
