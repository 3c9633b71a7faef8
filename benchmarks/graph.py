"""Time of a training step of a graph: pedl's loop beside a plain `tf.compat.v1` session loop.

    python benchmarks/graph.py [--rounds 15] [--models mlp cnn]

`plain` is the loop that a user writes: shuffle, slice, `session.run([train_op, loss], feed_dict)`, with TensorFlow's
default pools, one thread for each core, and ordinary random operations; `plain 4` is the same with pedl's pools of
four threads, on which a convolution's bits depend. `pedl` draws keyed, records the fingerprints of data and variables
at every batch, and takes the mean of the loss; `unrecorded` is the same with that record taken out. How contenders take
turns stands in contest.py.
"""

from __future__ import annotations

import contest
import numpy as np
from contest import spread

CONTENDERS = ("plain", "plain 4", "pedl", "unrecorded")


def main() -> None:
    arguments = contest.arguments(__doc__, ["mlp", "cnn"])
    if arguments.contender:
        contest.contend(lambda: epoch_of(*arguments.contender))
        return
    print(
        "| model | times as fast as a plain session loop | as one with the same pools | the record's share | step, ms |"
    )
    print("|---|---|---|---|---|")
    for model in arguments.models:
        seconds = contest.measure(__file__, model, CONTENDERS, arguments.rounds)
        recorded = seconds["pedl"]
        record = spread((recorded - seconds["unrecorded"]) / recorded * 100, "{:.1f} %")
        plain, plain_4 = spread(seconds["plain"] / recorded), spread(seconds["plain 4"] / recorded)
        print(f"| {model} | {plain} | {plain_4} | {record} | {np.median(recorded) * 1e3:.2f} |", flush=True)


def epoch_of(model: str, contender: str) -> contest.Epoch:
    import graph_models

    if contender.startswith("plain"):
        return _plain(model, threads=4 if contender == "plain 4" else 0)
    steps = len(graph_models.data(model)[0]) // graph_models.BATCH_SIZE[model]
    return contest.pedl_epoch("graph_models:BenchmarkTrial", model, steps, recorded=contender == "pedl")


def _plain(model: str, threads: int) -> contest.Epoch:
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
        pools = v1.ConfigProto(intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads)
        session = v1.Session(config=pools)
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
