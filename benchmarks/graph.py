"""Time of a training step of a graph: pedl's loop beside a plain `tf.compat.v1` session loop.

    python benchmarks/graph.py [--rounds 15] [--models mlp cnn]

`plain` is the loop that a user writes: shuffle, slice, `session.run([train_op, loss], feed_dict)`, with TensorFlow's
default pools and ordinary random operations. `pedl` draws keyed, records the fingerprints of data and variables at
every batch, and takes the mean of the loss; `unrecorded` is the same with that record taken out. How contenders take
turns stands in contest.py.
"""

from __future__ import annotations

import contest
import numpy as np
from contest import spread

CONTENDERS = ("plain", "pedl", "unrecorded")


def main() -> None:
    arguments = contest.arguments(__doc__, ["mlp", "cnn"])
    if arguments.contender:
        contest.contend(lambda: epoch_of(*arguments.contender))
        return
    print("| model | times as fast as a plain session loop | the record's share of a step | step, ms |")
    print("|---|---|---|---|")
    for model in arguments.models:
        seconds = contest.measure(__file__, model, CONTENDERS, arguments.rounds)
        recorded = seconds["pedl"]
        record = spread((recorded - seconds["unrecorded"]) / recorded * 100, "{:.1f} %")
        plain = spread(seconds["plain"] / recorded)
        print(f"| {model} | {plain} | {record} | {np.median(recorded) * 1e3:.2f} |", flush=True)


def epoch_of(model: str, contender: str) -> contest.Epoch:
    import graph_models

    if contender == "plain":
        return _plain(model)
    steps = len(graph_models.data(model)[0]) // graph_models.BATCH_SIZE[model]
    return contest.pedl_epoch("graph_models:BenchmarkTrial", model, steps, recorded=contender == "pedl")


def _plain(model: str) -> contest.Epoch:
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


if __name__ == "__main__":
    main()
