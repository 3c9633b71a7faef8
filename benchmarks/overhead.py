"""What validation, checkpoints and logs cost of the MNIST example's time.

    python benchmarks/overhead.py [--rounds 5] [--configurations random const]

Each round runs an experiment of examples/mnist as `pedl experiment create` does, one worker, with a watch in the worker
(timed_worker.py) that runs from a trial's first batch to its last message. The time in `Run.train` is training, with
the record of every batch; all the rest of the watch's time is cost: validating, saving, sending messages, and whatever
lies between. What the master does (it commits events and prints lines) overlaps with the worker; its processor time is
shown beside. Summed over the trials of a run; reported are medians over rounds, and quartiles.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from contest import SECONDS, spread

from pedl.executor import LocalExecutor
from pedl.experiment import create_experiment

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "mnist"
COSTS = ("validate", "save", "send")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--configurations", nargs="+", default=["random", "const"])
    arguments = parser.parse_args()
    os.environ["PYTHONPATH"] = f"{Path(__file__).parent}:{ROOT}"
    print("| configuration | not training, % of the time | validation | checkpoints | messages | master's processor |")
    print("|---|---|---|---|---|---|")
    for name in arguments.configurations:
        rounds = [seconds(name) for _ in range(arguments.rounds)]
        rest = np.array([1 - it["train"] / it["all"] for it in rounds])
        shares = [[it[cost] / it["all"] for it in rounds] for cost in (*COSTS, "master")]
        print(
            f"| `{name}.yaml` | {' | '.join(spread(100 * np.array(it), '{:.1f}') for it in (rest, *shares))} |",
            flush=True,
        )


def seconds(name: str) -> Counter[str]:
    """Runs a configuration, and returns how its trials' seconds were spent; "master" is processor time."""
    with tempfile.TemporaryDirectory() as home:
        experiment = create_experiment(EXAMPLE / f"{name}.yaml", EXAMPLE, Path(home), 42, make_executor)
        began = time.process_time()
        experiment.run(workers=1, progress=False)
        spent = Counter(master=time.process_time() - began)
        for log in experiment.log_files():
            for line in log.read_text().splitlines():
                if line.startswith(SECONDS):
                    spent.update(json.loads(line.removeprefix(SECONDS)))
    return spent


def make_executor(environment: dict[str, str], log_path: Callable[[int], Path]) -> LocalExecutor:
    return LocalExecutor(environment, log_path, worker="timed_worker")


if __name__ == "__main__":
    main()
