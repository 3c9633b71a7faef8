"""The laws: run again elsewhere, resumed half-way, and with draws before it, a trial has the same bits."""

from __future__ import annotations

import atexit
import functools
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pedl.testing.subject import import_root, subject_of
from pedl.verify.disturbances import EVERYWHERE, Disturbance, together
from pedl.verify.moved import Moved, moved
from pedl.verify.short_runs import Recording, ShortRuns, Subject, Surroundings

BATCHES = 6
"""Batches that a law trains where nothing else is said."""


def assert_reproducible(
    trial_class: type,
    hparams: Mapping[str, Any] | None = None,
    *,
    batches: int = BATCHES,
    trial_seed: int = 1,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Fails unless the trial has the same bits in a process that differs in all that must not matter.

    The other process has another hash seed, working directory, time zone, locale, date and number of cores, lists
    directories the other way round, and lets threads take turns at other moments.

    Args:
      trial_class: a class of pedl.trial's, defined at the top of a module.
      hparams: its hyperparameters, as the trial gets them.
      batches: how many are trained, at least 2; an odd number is rounded up.
      trial_seed: 0 .. 2**31 - 1.
      config: fields of the experiment's configuration that the trial reads, such as `{"data": {...}}`.

    Raises:
      AssertionError: names the first batch and tensors that differ, and which of these disturbances moves them.
      TrialDefinitionError: if the class cannot be found again by another process, or does not train as it is.
    """
    runs, subject = _runs(import_root(trial_class)), subject_of(trial_class, hparams, batches, trial_seed, config)
    reference = runs.reference(subject)
    with tempfile.TemporaryDirectory(prefix="pedl-elsewhere-") as elsewhere:
        every = [disturbance(elsewhere) for disturbance in EVERYWHERE]
        found = moved(reference, runs.run(subject, together(every)))
        if found is not None:
            culprits = _culprits(runs, subject, reference, every)
            raise AssertionError(_failure(trial_class, "in another process elsewhere", found, culprits, reference))


def assert_resume_is_exact(
    trial_class: type,
    hparams: Mapping[str, Any] | None = None,
    *,
    batches: int = BATCHES,
    trial_seed: int = 1,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Fails unless a trial that ends half-way, and goes on from its checkpoint in a new process, has the same bits.

    Arguments and errors are those of `assert_reproducible`.
    """
    runs, subject = _runs(import_root(trial_class)), subject_of(trial_class, hparams, batches, trial_seed, config)
    reference = runs.reference(subject)
    found = moved(reference, runs.run(subject, Surroundings(resumed=True)), resumed=True)
    if found is not None:
        when = f"resumed after batch {subject.batches // 2}"
        raise AssertionError(_failure(trial_class, when, found, _by_itself(runs, subject, reference), reference))


def assert_independent_of_draws(
    trial_class: type,
    hparams: Mapping[str, Any] | None = None,
    *,
    batches: int = BATCHES,
    trial_seed: int = 1,
    config: Mapping[str, Any] | None = None,
) -> None:
    """Fails unless the trial has the same bits when something else has drawn from the running streams before it.

    It holds where every random layer is made by `self.seeded`, and what the definition draws itself comes from
    generators of its own: then no bit moves when a layer or a draw is added elsewhere. It is more than being
    reproducible, and ordinary Keras layers, which take their seeds from `random`, do not keep it.

    Arguments and errors are those of `assert_reproducible`.
    """
    runs, subject = _runs(import_root(trial_class)), subject_of(trial_class, hparams, batches, trial_seed, config)
    reference = runs.reference(subject)
    found = moved(reference, runs.run(subject, Surroundings({"draws": 3})))
    if found is not None:
        when = "when something draws from random, np.random and keras.random before it"
        culprits = _by_itself(runs, subject, reference)
        advice = (
            "Make these layers with self.seeded and a name, and draw from np.random.default_rng() instead of np.random."
        )
        message = _failure(trial_class, when, found, culprits, reference)
        raise AssertionError(message if culprits else f"{message}\n{advice}")


def _by_itself(runs: ShortRuns, subject: Subject, reference: Recording) -> list[str]:
    """What moves the bits if they move although nothing is disturbed; else nothing is named."""
    again = moved(reference, runs.run(subject))
    return [] if again is None else ["nothing at all: two runs in the same surroundings differ as well"]


def _culprits(runs: ShortRuns, subject: Subject, reference: Recording, every: list[Disturbance]) -> list[str]:
    if by_itself := _by_itself(runs, subject, reference):
        return by_itself
    alone = [it.name for it in every if moved(reference, runs.run(subject, it.surroundings)) is not None]
    return alone or [f"only several together of {', '.join(it.name for it in every)}; each alone moves no bit"]


def _failure(trial_class: type, when: str, found: Moved, culprits: list[str], reference: Recording) -> str:
    lines = [f"{trial_class.__name__} has other bits {when}: {found.text()}."]
    if culprits:
        lines.append(f"What moves them: {'; '.join(culprits)}.")
    lines += [f"  {it['file']}, line {it['line']}: {it['call']}" for it in reference.met]
    return "\n".join(lines)


@functools.lru_cache(maxsize=4)
def _runs(root: Path) -> ShortRuns:
    """The processes that stand ready for all laws of this process: TensorFlow is loaded once for each import path."""
    directory = tempfile.TemporaryDirectory(prefix="pedl-testing-")
    # What this process can import (a `pythonpath` of pytest's, a conftest.py), the trials can.
    path = [*dict.fromkeys([*(path for path in sys.path if path), str(root)])]
    runs = ShortRuns(Path(directory.name), {"PYTHONPATH": os.pathsep.join(path)})
    atexit.register(directory.cleanup)
    atexit.register(runs.close)
    return runs
