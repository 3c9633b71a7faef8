"""Two workers against one on equal trials.

    python benchmarks/width.py [--rounds 3] [--trials 8] [--steps 40] [--short]

Each round runs the same random search with one worker and with two, in turn, and prints how many times faster two are.
A trial computes with one thread, so that it leaves the other core alone; the outcome must be the same.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from pedl.experiment import create_experiment

DEFINITION = Path(__file__).parent / "digits_trial.py"


def run(home: Path, workers: int, trials: int, steps: int) -> tuple[float, str | None]:
    """Returns the seconds from the first task to the end, and the outcome."""
    config = {
        "hyperparameters": {"learning_rate": {"type": "log", "base": 10, "minval": -4, "maxval": -2}},
        "searcher": {"name": "random", "metric": "loss", "max_trials": trials, "max_steps": steps},
        "reproducibility": {"experiment_seed": 1, "threads": {"intra_op": 1, "inter_op": 1}},
    }
    experiment = create_experiment(config, DEFINITION, home, keep_warm=True)
    started = time.perf_counter()
    experiment.run(workers=workers, progress=False)
    return time.perf_counter() - started, experiment.outcome_sha256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trials", type=int, default=8)
    parser.add_argument("--steps", type=int, default=40, help="of 100 batches")
    parser.add_argument("--short", action="store_true", help="one round of four short trials")
    chosen = parser.parse_args()
    if chosen.short:
        chosen.rounds, chosen.trials, chosen.steps = 1, 4, 5
    ratios = []
    for number in range(chosen.rounds):
        with tempfile.TemporaryDirectory() as name:
            (one_s, one), (two_s, two) = (run(Path(name), workers, chosen.trials, chosen.steps) for workers in (1, 2))
        assert one == two is not None, "two workers have another outcome than one"
        ratios.append(one_s / two_s)
        print(
            f"round {number + 1}: {one_s:.1f} s with one worker, {two_s:.1f} s with two: {ratios[-1]:.2f} times",
            flush=True,
        )
    print(f"two workers are {statistics.median(ratios):.2f} times as fast (median of {len(ratios)}); one outcome")


if __name__ == "__main__":
    main()
