"""A big home beside a small one: does what people look at stay quick?

    python benchmarks/home.py            # 1,000 experiments of 10 trials beside 10; a few minutes
    python benchmarks/home.py --short    # 100 beside 10

The homes are made by the store itself, with the events of a real search (of 10 trials, 8 steps each, 100 batches a
step, a validation each), and nothing is trained. Each command is a process of its own, from its start to its end; the
two homes take turns; medians. The last rows are one experiment of 1,000 trials beside one of 10.
"""

from __future__ import annotations

import argparse
import base64
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from search import Checked

from pedl.config import parse_config
from pedl.experiment import create_experiment
from pedl.experiment.decisions import Decisions
from pedl.experiment.describe import summary
from pedl.experiment.fold import fold
from pedl.experiment.journal import Journal
from pedl.experiment.ranking import Standing
from pedl.seeds import keyed_bits
from pedl.store import Draft, ExperimentPaths, Home

SPACE = {
    "learning_rate": {"type": "log", "base": 10, "minval": -4, "maxval": -1},
    "units": {"type": "int", "minval": 8, "maxval": 256},
    "optimizer": {"type": "categorical", "vals": ["adam", "sgd", "rmsprop"]},
}
STEPS, BATCHES = 8, 100
COMMANDS = (
    "experiment list", "experiment list --json", "experiment describe {id}", "experiment describe {id} --json",
    "report {id}", "trial describe {id}/3", "experiment label {id}",
)  # fmt: skip


def recorded(directory: Path, trials: int) -> list[Draft]:
    """Returns the events of a search of so many trials."""
    definition = directory / "model_def.py"
    definition.write_text("x = 1\n")
    home = Home(directory / f"template-{trials}")
    searcher = {"name": "random", "metric": "loss", "max_steps": STEPS, "max_trials": trials}
    config = parse_config({"searcher": searcher, "hyperparameters": SPACE, "reproducibility": {"experiment_seed": 1}})
    create_experiment(config.to_dict(), definition, home.path, 1, Checked())
    with home.open_log(1) as log:
        journal = Journal(log, log.events(), Decisions(config, 1))
        journal.record("activated", None, {})
        for trial_id in sorted(journal.state.trials):
            record_trial(journal, trial_id)
        journal.record("completed", None, {})
        journal.commit()
    return [(event.kind, event.trial_id, event.payload) for event in home.events(1)]


def record_trial(journal: Journal, trial_id: int) -> None:
    """Records what a trial's worker reports."""
    profile = {"python": "3.11", "tensorflow": "2.21", "intra_op": 4, "inter_op": 4}
    journal.record("started", trial_id, {"audit": [], "numeric_profile": profile, "session_config": {}})
    words = base64.b64encode(random.Random(trial_id).randbytes(8 * BATCHES)).decode()
    for step in range(1, STEPS + 1):
        done = {"step": step, "batches": step * BATCHES, "fingerprint": "0" * 16}
        loss = keyed_bits(16, "loss", trial_id, step) / 2**16
        tensors = {f"layer_{number}/kernel": "0" * 16 for number in range(8)}
        words_of = {"states": words, "data": words}
        journal.record("step", trial_id, {**done, **words_of, "metrics": {"loss": loss}, "tensors": tensors})
        journal.record("validation", trial_id, {"step": step, "metrics": {"loss": loss, "accuracy": 1 - loss}})
    journal.record("reached", trial_id, {**done, "weights_sha256": "0" * 64})


def fill(home: Home, drafts: list[Draft], experiments: int) -> None:
    """Makes so many experiments that have these events."""
    state = fold_drafts(drafts)
    shown = summary(state, Standing(state))
    for _ in range(experiments):
        home.create(_place, drafts, shown)


def fold_drafts(drafts: list[Draft]) -> Any:
    state = fold([])
    for draft in drafts:
        state.apply(*draft)
    return state


def _place(paths: ExperimentPaths) -> None:
    paths.logs.mkdir()
    paths.model_definition.mkdir()


def seconds(home: Home, words: str, directory: Path) -> float:
    """Returns how long a command takes, from its start to its end."""
    command = [sys.executable, "-m", "pedl", "--home", str(home.path), *words.split()]
    started = time.perf_counter()
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - started


def compare(small: tuple[Home, int], big: tuple[Home, int], rounds: int, directory: Path, commands: Any) -> None:
    """Prints medians of a command in either home, on the experiment given with it, and their ratio."""
    for words in commands:
        times: list[list[float]] = [[], []]
        for _ in range(rounds):
            for found, (home, number) in zip(times, (small, big), strict=True):
                found.append(seconds(home, words.format(id=number), directory))
        one, other = (statistics.median(found) for found in times)
        name = words.format(id="ID")
        print(f"{name:<34} {one:>10.2f} {other:>10.2f} {other / one:>8.2f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    many = 100 if arguments.short else 1_000
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        small, big, wide = Home(directory / "small"), Home(directory / "big"), Home(directory / "wide")
        started = time.perf_counter()
        drafts = recorded(directory, 10)
        fill(small, drafts, 10)
        fill(big, drafts, many)
        fill(wide, recorded(directory, 100 if arguments.short else 1_000), 1)
        size_mb = (big.path / "pedl.db").stat().st_size / 1e6
        print(f"Made in {time.perf_counter() - started:.0f} s; the big home's database has {size_mb:.0f} MB")
        print(f"{'seconds':<34} {'10':>10} {many:>10,} {'ratio':>8}")
        compare((small, 5), (big, many // 2), arguments.rounds, directory, COMMANDS)
        print(f"{'one experiment, by its trials':<34} {10:>10} {100 if arguments.short else 1_000:>10,} {'ratio':>8}")
        compare((small, 5), (wide, 1), arguments.rounds, directory, ("experiment describe {id}", "report {id}"))


if __name__ == "__main__":
    main()
