"""The ordinary worker, in a world where something is wrong: what, says the JSON file that SABOTAGE names.

{"name": ..., and arguments}. One file for all workers of a server: written before an experiment runs, or before it is
verified.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np

import pedl.trial.data
import pedl.trial.graph_run
from pedl.trial import worker
from pedl.trial.graph_run import GraphRun
from pedl.trial.keras_run import KerasRun
from tests.trial.sabotage import forget_seed_generators


def main(channel: Any) -> None:
    sabotage = json.loads(Path(os.environ["SABOTAGE"]).read_text())
    SABOTAGES[sabotage.pop("name")](**sabotage)
    worker.main(channel)


def nothing() -> None:
    """All is well."""


def pixel(sample: int) -> None:
    """One value of one training sample is another one."""

    def change(x: Any, y: Any) -> None:
        x[sample].reshape(-1)[0] += 1e-3

    _in_the_data(change)


def swap(one: int, other: int) -> None:
    """Two training samples have changed places."""

    def change(x: Any, y: Any) -> None:
        for array in (x, y):
            array[[one, other]] = array[[other, one]]

    _in_the_data(change)


def ulp(tensor: str, batch: int) -> None:
    """The values of one variable are moved to the next float, right before a batch."""
    for kind in (KerasRun, GraphRun):
        kind._train = _interrupted(kind._train, batch, tensor)  # type: ignore[method-assign]


def forget_random_state(pause_s: float) -> None:
    """What is resumed draws as if it began: seed generators keep their first state, a graph counts from 0.

    Args:
      pause_s: before each step, so that a trial can be paused on the way.
    """
    for kind in (KerasRun, GraphRun):
        kind._train = _slowly(kind._train, pause_s)  # type: ignore[method-assign]
    load, training_batch = KerasRun.load, pedl.trial.graph_run.training_batch

    def forgetful(run: Any, *arguments: Any) -> None:
        if isinstance(run, KerasRun):
            forget_seed_generators(run, None)
        load(run, *arguments)
        done = run.batches_done
        pedl.trial.graph_run.training_batch = lambda number: training_batch(number - done)

    KerasRun.load = GraphRun.load = forgetful  # type: ignore[misc,method-assign]


SABOTAGES = {it.__name__: it for it in (nothing, pixel, swap, ulp, forget_random_state)}


def _in_the_data(change: Any) -> None:
    made = pedl.trial.data.made_loaders

    def changed(trial: Any) -> Any:
        training, validation = made(trial)
        x, y = (training["x"], training["y"]) if isinstance(training, dict) else training[:2]
        change(x, y)
        return training, validation

    pedl.trial.data.made_loaders = changed


def _interrupted(train: Any, batch: int, tensor: str) -> Any:
    def interrupted(run: Any, batches: int) -> None:
        before = batch - 1 - run.batches_done
        if not 0 <= before < batches:
            train(run, batches)
            return
        if before:
            train(run, before)
        _bump(run, tensor)
        train(run, batches - before)

    return interrupted


def _slowly(train: Any, pause_s: float) -> Any:
    def slow(run: Any, batches: int) -> None:
        time.sleep(pause_s)
        train(run, batches)

    return slow


def _bump(run: Any, tensor: str) -> None:
    paths = [entry["path"] for entry in run._header()]
    arrays = [np.array(array) for array in run._arrays()]
    found = paths.index(tensor)
    # All of them: an update may round the ulp of a single value away.
    arrays[found] = np.nextafter(arrays[found], np.float32(np.inf), dtype=np.float32)
    run._set(arrays)
