"""Time of a training step: pedl's loop beside `model.fit`, and what pedl's record costs.

    python benchmarks/loop.py [--rounds 15] [--models mlp mnist_mlp lstm cnn functional gan]

`fit` and `fit 50` (steps_per_execution=50) run as a user has them: TensorFlow's default pools, no op determinism.
`pedl` records the fingerprints of data and variables at every batch; `unrecorded` is the same with that record taken
out. How contenders take turns stands in contest.py.
"""

from __future__ import annotations

import contest
import numpy as np
from contest import spread

CONTENDERS = ("fit", "fit 50", "pedl", "unrecorded")


def main() -> None:
    arguments = contest.arguments(__doc__, ["mlp", "mnist_mlp", "lstm", "cnn", "functional", "gan"])
    if arguments.contender:
        contest.contend(lambda: epoch_of(*arguments.contender))
        return
    print("| model | times as fast as `fit` | as `fit`, 50 steps a call | the record's share of a step | step, ms |")
    print("|---|---|---|---|---|")
    for model in arguments.models:
        seconds = contest.measure(__file__, model, CONTENDERS, arguments.rounds)
        recorded = seconds["pedl"]
        record = spread((recorded - seconds["unrecorded"]) / recorded * 100, "{:.1f} %")
        fit, fit_50 = spread(seconds["fit"] / recorded), spread(seconds["fit 50"] / recorded)
        print(f"| {model} | {fit} | {fit_50} | {record} | {np.median(recorded) * 1e3:.2f} |", flush=True)


def epoch_of(model: str, contender: str) -> contest.Epoch:
    import models

    if not contender.startswith("fit"):
        steps = models.SAMPLES[model] // models.BATCH_SIZE[model]
        entrypoint = models.ENTRYPOINT.get(model, "models:BenchmarkTrial")
        return contest.pedl_epoch(entrypoint, model, steps, recorded=contender == "pedl")
    built = models.compiled(model, steps_per_execution=50 if contender == "fit 50" else 1)
    data = models.data(model)
    size = models.BATCH_SIZE[model]

    def epoch() -> int:
        built.fit(*data, batch_size=size, verbose=0)
        return models.SAMPLES[model] // size

    return epoch


if __name__ == "__main__":
    main()
