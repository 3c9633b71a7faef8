"""Time of a training step of a graph: pedl's loop beside a plain `tf.compat.v1` session loop.

    python benchmarks/graph.py [--rounds 15] [--models mlp cnn]

Each contender is a process of its own that stays, and they take turns: an epoch each, round after round, so that a slow
minute of the machine hits all of them. Printed are the medians over rounds of the ratio within a round, and their
quartiles.

`plain` is the loop that a user writes: shuffle, slice, `session.run([train_op, loss], feed_dict)`, with TensorFlow's
default pools and ordinary random operations. `pedl` draws keyed, records the fingerprint of all variables after every
batch, and takes the mean of the loss; `unrecorded` is the same with that record taken out.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CONTENDERS = ("plain", "pedl", "unrecorded")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--models", nargs="+", default=["mlp", "cnn"])
    parser.add_argument("--contender", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender:
        contend(*arguments.contender)
        return
    print("| model | times as fast as a plain session loop | the record's share of a step | step, ms |")
    print("|---|---|---|---|")
    for model in arguments.models:
        seconds = measure(model, arguments.rounds)
        recorded = seconds["pedl"]
        record = spread((recorded - seconds["unrecorded"]) / recorded * 100, "{:.1f} %")
        print(
            f"| {model} | {spread(seconds['plain'] / recorded)} | {record} | {np.median(recorded) * 1e3:.2f} |",
            flush=True,
        )


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
    epoch = _plain(model) if contender == "plain" else _pedl(model, contender)
    for _ in sys.stdin:
        started = time.perf_counter()
        steps = epoch()
        print((time.perf_counter() - started) / steps, file=out, flush=True)


def _plain(model: str):
    import graph_models
    import tensorflow as tf

    v1 = tf.compat.v1
    x, y = graph_models.data(model)
    size = graph_models.BATCH_SIZE[model]
    with tf.Graph().as_default():
        images = v1.placeholder(tf.float32, [None, 28, 28])
        labels = v1.placeholder(tf.int64, [None])
        is_training = v1.placeholder(tf.bool, [])
        loss = graph_models.loss(model, images, labels, is_training)
        train_op = graph_models.optimizer().minimize(loss)
        session = v1.Session()
        session.run(v1.global_variables_initializer())

    def epoch() -> int:
        order = np.random.permutation(len(x))
        losses = []
        for start in range(0, len(x), size):
            rows = order[start : start + size]
            feed = {images: x[rows], labels: y[rows], is_training: True}
            losses.append(session.run([train_op, loss], feed)[1])
        np.mean(losses)
        return len(losses)

    return epoch


def _pedl(model: str, contender: str):
    import tensorflow as tf

    from pedl.trial import fingerprint
    from pedl.trial.graph_run import GraphRun
    from pedl.trial.start import start

    if contender == "unrecorded":
        fingerprint.joint_word = lambda tensors: tf.zeros([fingerprint.WORD_BYTES], tf.uint8)
    threads = {"intra_op": 4, "inter_op": 4}
    started = start(
        {
            "experiment_id": 1,
            "trial_id": 1,
            "trial_seed": 1,
            "hparams": {"model": model},
            "config": {
                "entrypoint": "graph_models:BenchmarkTrial",
                "reproducibility": {"threads": threads, "op_determinism": True},
            },
            "definition": str(Path(__file__).parent),
            "session_config": None,
        }
    )
    run = GraphRun(started, batches_per_step=100)
    steps = len(started.trial.make_data_loaders({}, {"model": model})[0]["image"]) // started.trial.batch_size()

    def epoch() -> int:
        run.train(steps)
        return steps

    return epoch


if __name__ == "__main__":
    main()
