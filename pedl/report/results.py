"""What `describe` says of an experiment, arranged for pictures: hyperparameters by path, metrics as series of numbers.

A page is drawn from this alone, so it needs no store, and the same description gives the same page.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pedl import jsontext
from pedl.experiment.ranking import metric_value
from pedl.search import rank

LARGEST, SMALLEST = 1e300, 1e-300
"""What curves are drawn of: beyond, scripts that draw lose the difference of two numbers, or the place between them."""
GROUPS = ("validation", "training")
"""Where metrics come from, as the keys of a described trial."""


def are_numbers(column: Sequence[Any]) -> bool:
    """Tells whether all values of a hyperparameter are numbers; True and False are none."""
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in column)


@dataclass(frozen=True)
class Series:
    """A metric of a trial: `values` after `steps`, from -1e300 to 1e300; others are left out, as are NaN."""

    trial_id: int
    steps: tuple[int, ...]
    values: tuple[float, ...]


class Results:
    """An experiment as `Experiment.describe` returns it."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self.described = described
        self.trials: list[dict[str, Any]] = described["trials"]
        self.metric: str = described["config"]["searcher"]["metric"]
        self.smaller_is_better: bool = described["config"]["searcher"]["smaller_is_better"]

    @cached_property
    def hparams(self) -> dict[int, dict[str, Any]]:
        """The hyperparameters of each trial by path, such as "optimizer.rate"."""
        return {trial["id"]: jsontext.flat(trial["hparams"]) for trial in self.trials}

    @cached_property
    def varied(self) -> list[str]:
        """The paths of hyperparameters that differ between trials, in the order in which they are declared."""
        paths = dict.fromkeys(path for each in self.hparams.values() for path in each)
        return [path for path in paths if len({self._text(trial_id, path) for trial_id in self.hparams}) > 1]

    @cached_property
    def constant(self) -> dict[str, Any]:
        """The hyperparameters that are the same in all trials."""
        first = next(iter(self.hparams.values()), {})
        return {path: value for path, value in first.items() if path not in self.varied}

    def _text(self, trial_id: int, path: str) -> str | None:
        found = self.hparams[trial_id]
        return jsontext.dumps(found[path]) if path in found else None

    def score(self, trial: Mapping[str, Any]) -> float:
        """Returns the searcher's metric of a trial's last validation; NaN if there is none."""
        return metric_value(trial["validation"][-1]["metrics"], self.metric) if trial["validation"] else math.nan

    @cached_property
    def ranked(self) -> list[dict[str, Any]]:
        """The trials with a score, the best first."""
        scored = [trial for trial in self.trials if trial["state"] != "ERROR" and math.isfinite(self.score(trial))]
        return sorted(scored, key=lambda trial: rank(self.score(trial), trial["id"], self.smaller_is_better))

    @cached_property
    def metrics(self) -> list[tuple[str, str]]:
        """Pairs of group and name, validation before training, the searcher's metric first."""
        names = {
            group: dict.fromkeys(name for trial in self.trials for entry in trial[group] for name in entry["metrics"])
            for group in GROUPS
        }
        every = [(group, name) for group in GROUPS for name in sorted(names[group])]
        return sorted(every, key=lambda it: it != (GROUPS[0], self.metric))

    def series(self, group: str, name: str) -> list[Series]:
        """Returns a metric of every trial that has it, by number."""
        found = [_series(trial, group, name) for trial in self.trials]
        return [it for it in found if it.steps]


def _series(trial: Mapping[str, Any], group: str, name: str) -> Series:
    points = [(entry["step"], metric_value(entry["metrics"], name)) for entry in trial[group]]
    drawn = [(step, value if abs(value) >= SMALLEST else 0.0) for step, value in points if abs(value) <= LARGEST]
    return Series(trial["id"], tuple(step for step, _ in drawn), tuple(value for _, value in drawn))
