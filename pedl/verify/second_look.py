"""A trial that differs is run once more, to the batch that differs, to tell what it comes from.

- Where the batch's data and the variables before it are equal, that batch is trained several times, operation by
  operation: one that gives another result for equal inputs is named. If none does, it is told whether the second
  repetition agrees with the first, with the record, or with neither.
- Where the original kept a checkpoint of that batch or a later one, the distance from it is measured. A metric that
  differs where all variables are equal has none.
- Where the data differ, those of the following batches are made, and tell whether the same samples came in the end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from pedl.executor import Executor, last_message, messages
from pedl.experiment.alarm import first_difference, words
from pedl.experiment.diagnosis import first_equal_sum, with_message
from pedl.experiment.difference import Difference
from pedl.experiment.trial_state import Payload, TrialState
from pedl.verify.legs import Legs
from pedl.verify.ulps import Distance, distance

TIMES = 3
"""How often the batch is trained, operation by operation."""

_COMPUTED = ("operation", "resume", "initial weights", "pools", "instruction set", "versions", "code")
"""Causes of which the distance is worth knowing."""


@dataclass
class Look:
    """What a second repetition has shown."""

    operations: list[list[tuple[str, str]]] = field(default_factory=list)
    step: Payload | None = None
    distance: Distance | None = None


def looked_at_again(
    executor: Executor,
    trial: TrialState,
    difference: Difference,
    repeated: Payload | None,
    new_legs: Callable[[], Legs],
    originals: dict[int, Path],
) -> Difference:
    """Returns the difference with what a second look tells of it.

    Args:
      repeated: the first repetition's result that differs; None: it ended otherwise.
      new_legs: makes the tasks of one more repetition.
      originals: the original's checkpoints that can be read, by number of batches.
    """
    if difference.cause == "data" and difference.batch:
        return _order(executor, trial, difference, new_legs())
    if difference.cause not in _COMPUTED:
        return difference
    start = _first_that_may_differ(difference, repeated)
    later = {batches: path for batches, path in originals.items() if start is not None and batches >= start}
    # Only where nothing outside of the computation explains it.
    watching = difference.cause in ("operation", "resume") and bool(difference.batch) and repeated is not None
    if not watching and not later:
        return difference
    look = _second(executor, new_legs(), difference, watching, later)
    if look.distance is not None:
        difference = replace(difference, ulps=look.distance.ulps, ulps_tensor=look.distance.tensor)
    if watching and repeated is not None and look.step is not None:
        difference = _told(difference, trial, repeated, look)
    return with_message(difference)


def _first_that_may_differ(difference: Difference, repeated: Payload | None) -> int | None:
    """Returns the number of batches from which variables may differ; None: nothing that differs tells of variables."""
    if difference.batch is not None:
        return difference.batch
    if repeated is None or difference.what.startswith("metrics"):
        return None
    return int(repeated["batches"])


def _second(executor: Executor, legs: Legs, difference: Difference, watching: bool, later: dict[int, Path]) -> Look:
    look = Look()
    while (task := legs.task()) is not None:
        watch = {"batch": difference.batch, "times": TIMES} if watching else None
        for message in messages(executor, {**task, "watch": watch}):
            kind = message["type"]
            if kind == "watched":
                look.operations = message["operations"]
            elif kind == "step" and message["step"] == difference.step:
                look.step = message
            elif kind == "checkpoint":
                legs.saved(message)
                if message["batches"] in later:
                    look.distance = distance(later[message["batches"]], Path(message["path"]))
                    later = {}
            if not later and (look.step is not None or not watching):
                return look
        if kind != "done":
            return look
        legs.reached()
    return look


def _told(difference: Difference, trial: TrialState, first: Payload, look: Look) -> Difference:
    assert look.step is not None and difference.batch is not None
    differing = _differing_operation(look.operations)
    if differing is not None:
        because = f"{difference.because} Trained {TIMES} times, it has not always one result for equal inputs."
        return replace(difference, because=because, operation=differing)
    recorded = trial.steps[difference.step]
    index = difference.batch - (int(recorded["batches"]) - len(words(recorded["states"]))) - 1
    second = words(look.step["states"])[index]
    if first_difference("step", first, look.step) is None:
        only = len(difference.tensors) == 1 and difference.tensors_exact
        operation = f"the update of {difference.tensors[0]}" if only else None
        because = f"{difference.because} Run once more, it gave the repetition's result again."
        return replace(difference, because=because, operation=operation)
    if second == difference.recorded:
        because = f"{difference.because} Run once more, it gave what was recorded: it does not always give the same."
    else:
        because = f"{difference.because} Run once more, it gave a third result: it does not repeat itself."
    return replace(difference, because=because)


def _differing_operation(runs: list[list[tuple[str, str]]]) -> str | None:
    for results in zip(*runs, strict=False):
        if len({word for _, word in results}) > 1:
            return str(results[0][0])
    return None


def _order(executor: Executor, trial: TrialState, difference: Difference, legs: Legs) -> Difference:
    """Tells whether the same samples came after all, in later batches."""
    assert difference.batch is not None
    recorded = [word for _, step in sorted(trial.steps.items()) for word in words(step.get("samples", ""))]
    task = legs.task()
    if task is None or len(recorded) < trial.batches_completed:
        return difference
    start = difference.batch - 1
    asked = {**task, "kind": "samples", "start": start, "count": len(recorded) - start}
    last = last_message(executor, asked)
    apart = None if last["type"] != "done" else first_equal_sum(recorded[start:], words(last["samples"]))
    if apart is None:
        return difference
    because = f"This batch and the {apart} after it together hold the same samples in another order."
    return with_message(replace(difference, cause="order", because=because))
