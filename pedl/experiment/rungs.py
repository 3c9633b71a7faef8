"""Which rung of which bracket each trial stands at: for people, from the configuration and the events.

A round of a population is shown as a rung. The steps of a clone count from its parent's, so that a rung is the same
number of steps for all.
"""

from __future__ import annotations

import bisect
from typing import Any

from pedl.config.brackets import Bracket, asha_rungs, brackets, rounds
from pedl.config.searcher import (
    SEARCHERS,
    AdaptiveSearcher,
    AdaptiveSimpleSearcher,
    AshaSearcher,
    AsyncHalvingSearcher,
    PbtSearcher,
)
from pedl.experiment.fold import ExperimentState
from pedl.experiment.trial_state import TrialState


class Rungs:
    """The brackets of an experiment's search, and the places of its trials; no brackets where it has no rungs."""

    def __init__(self, state: ExperimentState) -> None:
        self._state = state
        self._brackets = _brackets(state.created["config"]["searcher"])
        self._steps = [[rung.steps for rung in bracket] for bracket in self._brackets]
        self._last: list[int] = []
        for bracket in self._brackets[:-1]:
            self._last.append((self._last[-1] if self._last else 0) + bracket[0].trials)

    def of(self, trial: TrialState) -> dict[str, int] | None:
        """Returns the bracket and the rung that a trial is trained to or has come to, from 1; None without rungs."""
        if not self._brackets or not trial.targets:
            return None
        bracket = self._bracket(trial)
        rung = self._rung(bracket, trial, trial.targets[-1])
        return {"bracket": bracket + 1, "rung": rung + 1, "rungs": len(self._steps[bracket])}

    def table(self) -> list[dict[str, Any]]:
        """Returns, for each bracket and rung: its steps, the trials planned for it, those that came, and went on."""
        counts = [[{"reached": 0, "promoted": 0} for _ in bracket] for bracket in self._brackets]
        for trial in self._state.trials.values() if self._brackets else ():
            bracket = self._bracket(trial)
            for target in trial.targets:
                rung = counts[bracket][self._rung(bracket, trial, target)]
                rung["reached"] += target in trial.reached
                rung["promoted"] += target != trial.targets[-1]
        return [
            {"rungs": [{"steps": rung.steps, "trials": rung.trials, **of} for rung, of in zip(one, found, strict=True)]}
            for one, found in zip(self._brackets, counts, strict=True)
        ]

    def _bracket(self, trial: TrialState) -> int:
        return bisect.bisect_left(self._last, trial.id)

    def _rung(self, bracket: int, trial: TrialState, target: int) -> int:
        return bisect.bisect_left(self._steps[bracket], self._before(trial) + target)

    def _before(self, trial: TrialState) -> int:
        """Returns the steps of a clone's ancestors up to where it started."""
        steps = 0
        while trial.parent is not None:
            steps += trial.parent["step"]
            trial = self._state.trials[trial.parent["trial_id"]]
        return steps


def _brackets(searcher: dict[str, Any]) -> list[Bracket]:
    made = SEARCHERS[searcher["name"]].model_validate(searcher)
    if isinstance(made, AsyncHalvingSearcher | AdaptiveSearcher | AdaptiveSimpleSearcher):
        return brackets(made)
    if isinstance(made, AshaSearcher):
        return [asha_rungs(made)]
    return [rounds(made)] if isinstance(made, PbtSearcher) else []
