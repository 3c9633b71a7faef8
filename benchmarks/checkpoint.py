"""Time of a checkpoint of 100 MB of state, beside copying a file of that size with sync.

    python benchmarks/checkpoint.py [--rounds 15] [--mb 100]

The state is that of a trial: a layer's weights and the two momenta of Adam. `save` is all that a trial does until its
checkpoint is durable: it takes the values, hashes them, writes them aside, syncs, renames and syncs the directory.
`copy` is `shutil.copyfile`, and a sync of the file and of its directory. They take turns; reported are medians over
rounds, and quartiles, of seconds and of the ratio within a round.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
from contest import spread, started_trial

from pedl.files import TENSORS_FILE, sync_directory, sync_file
from pedl.trial import KerasTrial
from pedl.trial.runs import run_class

WARM_UP_ROUNDS = 2
INPUTS = 1000
BYTES_PER_UNIT = 3 * 4 * INPUTS
"""A weight and two momenta of four bytes, for each input."""


class WideTrial(KerasTrial):
    """One layer of `units` units, and nothing to learn: only its state is wanted."""

    def build_model(self, hparams):
        return keras.Sequential([keras.Input((INPUTS,)), keras.layers.Dense(hparams["units"], use_bias=False)])

    def optimizer(self):
        return keras.optimizers.Adam()

    def loss(self):
        return "mse"

    def batch_size(self):
        return 1

    def validation_metrics(self):
        return {}

    def make_data_loaders(self, experiment_config, hparams):
        data = np.zeros((1, INPUTS), np.float32), np.zeros((1, hparams["units"]), np.float32)
        return data, data


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--mb", type=float, default=100.0)
    parser.add_argument("--directory", type=Path, help="on the file system that is to be measured")
    arguments = parser.parse_args()
    started = started_trial("checkpoint:WideTrial", {"units": round(arguments.mb * 1e6 / BYTES_PER_UNIT)})
    run = run_class(started.trial)(started)
    run.prepare()
    with tempfile.TemporaryDirectory(dir=arguments.directory) as name:
        directory = Path(name)
        source = run.save(directory / "checkpoints").path / TENSORS_FILE
        seconds = np.array(
            [
                (timed(lambda: copied(source, directory)), timed(lambda: run.save(directory / "checkpoints")))
                for _ in range(WARM_UP_ROUNDS + arguments.rounds)
            ]
        )[WARM_UP_ROUNDS:]
        size_mb = source.stat().st_size / 1e6
    copy, save = seconds.T
    print("| state | save, s | copy with sync, s | times as long |")
    print("|---|---|---|---|")
    print(f"| {size_mb:.0f} MB | {spread(save, '{:.3f}')} | {spread(copy, '{:.3f}')} | {spread(save / copy)} |")


def copied(source: Path, directory: Path) -> Path:
    target = directory / "copy"
    shutil.copyfile(source, target)
    sync_file(target)
    sync_directory(directory)
    return target


def timed(action: Callable[[], object]) -> float:
    """Returns the seconds that an action takes; what it made is removed afterwards, untimed."""
    began = time.perf_counter()
    made = action()
    seconds = time.perf_counter() - began
    path = getattr(made, "path", made)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    return seconds


if __name__ == "__main__":
    main()
