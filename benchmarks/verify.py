"""What verifying costs: the time of `verify` over that of the run that it repeats; at most 1.1 is promised.

    python benchmarks/verify.py            several pairs for each model, interleaved
    python benchmarks/verify.py --short    one small pair, to see that it works

Both start a process that loads TensorFlow, as the commands do, and use one worker. Ratios of pairs that ran one after
the other are printed, median and quartiles; absolute times depend on the machine.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from pedl.experiment import create_experiment
from pedl.verify import verify_experiment

WORKLOADS = Path(__file__).parents[1] / "tests" / "workloads"
MODELS = {"mlp": "mlp:MlpTrial", "cnn": "cnn:CnnTrial", "lstm": "lstm:LstmTrial", "graph": "graph:GraphTrial"}


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description="Compares the time of a verification with that of the run.")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    chosen = parser.parse_args()
    names, pairs, steps = (["mlp"], 1, 5) if chosen.short else (chosen.models, chosen.pairs, 100)
    print("| model | verify / run |\n|---|---|")
    for name in names:
        ratios = [one_pair(MODELS[name], steps) for _ in range(pairs)]
        low, median, high = np.percentile(ratios, [25, 50, 75])
        print(f"| {name} | {median:.2f} ({low:.2f} to {high:.2f}) |", flush=True)


def one_pair(entrypoint: str, steps: int) -> float:
    """Returns the time of a verification over that of the run."""
    config: dict[str, Any] = {
        "entrypoint": entrypoint,
        "hyperparameters": {},
        "searcher": {"name": "random", "metric": "loss", "max_steps": steps, "max_trials": 2},
        "min_validation_period": max(1, steps // 4),
        "reproducibility": {"experiment_seed": 42},
    }
    with tempfile.TemporaryDirectory() as home:
        experiment = create_experiment(config, WORKLOADS, home)
        run_s = timed(lambda: experiment.run(workers=1, progress=False))
        verify_s = timed(lambda: verified(experiment))
    return verify_s / run_s


def verified(experiment: Any) -> None:
    """Verifies an experiment, which must be identical."""
    assert verify_experiment(experiment, workers=1).identical


def timed(work: Any) -> float:
    """Returns how long `work()` takes, in seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
