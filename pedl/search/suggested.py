"""Hyperparameters that a sampler of Optuna suggests, asked and told in the order of trial numbers.

    suggest(i) sees exactly the results of trials 1 .. i - lag

So with a lag of 1 trials are suggested and trained one after the other, and with a lag of n at most n are trained at
once; the lag is a part of the configuration, since it decides what a sampler knows, and nothing else does. The study is
kept in memory: going on after a crash asks and tells again, from the event log.

What Optuna computes with NumPy's or another package's floating point is not promised to agree between processors or
versions; see docs/search.md. Of the search, only this module imports Optuna (the extra `pedl[optuna]`).
"""

from __future__ import annotations

import inspect
import math
import warnings
from typing import Any

import optuna

from pedl.config.brackets import Rung
from pedl.config.hparams import Categorical, Const, Double, Int, Log, Parameter, Space
from pedl.config.searcher import OptunaSearcher
from pedl.errors import ConfigError
from pedl.search.method import Operation, Plan
from pedl.search.space import nested, power
from pedl.search.told import ToldSearch
from pedl.seeds import sampler_seed

_DIRECTIONS = {True: optuna.study.StudyDirection.MINIMIZE, False: optuna.study.StudyDirection.MAXIMIZE}


class OptunaSearch(ToldSearch):
    """`optuna`: see the module's text.

    Raises:
      ConfigError: if Optuna has no such sampler, or it does not take these arguments.
    """

    def __init__(self, searcher: OptunaSearcher, space: Space, experiment_seed: int) -> None:
        super().__init__()
        self._searcher = searcher
        self._space = space.flat()
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = _sampler(dict(searcher.sampler), sampler_seed(experiment_seed))
        self._study = optuna.create_study(sampler=sampler, direction=_DIRECTIONS[searcher.smaller_is_better])
        self._asked: dict[int, optuna.trial.Trial] = {}
        self._results: dict[int, float | None] = {}
        """Results that are not told yet; None for a failure."""
        self._told = 0

    def start(self) -> list[Operation]:
        """Returns Create and Train for the first `lag` trials, which know no results."""
        return self._ask()

    @property
    def finished(self) -> bool:
        """True once every trial is closed."""
        return self._roster.all_over and self._roster.created == self._searcher.max_trials

    @property
    def waiting(self) -> int:
        """How many trials wait to be suggested."""
        return self._searcher.max_trials - self._roster.created

    def plan(self) -> Plan:
        """Returns one rung: all trials are trained equally long."""
        return Plan(((Rung(self._searcher.max_steps, self._searcher.max_trials),),), self._searcher.max_trials)

    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        self._results[trial_id] = None if metric is None or math.isnan(metric) else metric
        return [self._roster.close(trial_id), *self._tell_and_ask()]

    def _failed(self, trial_id: int) -> list[Operation]:
        self._results[trial_id] = None
        return self._tell_and_ask()

    def _tell_and_ask(self) -> list[Operation]:
        operations: list[Operation] = []
        while self._told + 1 in self._results:
            self._told += 1
            value = self._results.pop(self._told)
            state = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
            self._study.tell(self._asked.pop(self._told), value, state=state)
            operations += self._ask()
        return operations

    def _ask(self) -> list[Operation]:
        """Creates all trials that may be suggested by what was told so far."""
        operations: list[Operation] = []
        while self._roster.created < min(self._told + self._searcher.lag, self._searcher.max_trials):
            operations += self._roster.create(self._suggested(), self._searcher.max_steps)
        return operations

    def _suggested(self) -> dict[str, Any]:
        distributions = {path: _distribution(it) for path, it in self._space.items() if not isinstance(it, Const)}
        try:
            trial = self._study.ask(distributions)
        except ValueError as error:
            name = self._searcher.sampler["name"]
            raise ConfigError(
                f"searcher.sampler: found {name}, expected one that can suggest from this space: {error}"
            ) from error
        self._asked[self._roster.created + 1] = trial
        return nested({path: _value(it, trial.params.get(path)) for path, it in self._space.items()})


def _sampler(arguments: dict[str, Any], seed: int) -> optuna.samplers.BaseSampler:
    name = arguments.pop("name")
    found = getattr(optuna.samplers, name, None)
    if not (inspect.isclass(found) and issubclass(found, optuna.samplers.BaseSampler)):
        names = ", ".join(
            each for each in optuna.samplers.__all__ if each.endswith("Sampler") and each != "BaseSampler"
        )
        raise ConfigError(f"searcher.sampler.name: found {name!r}, expected one of {names}")
    if "seed" in inspect.signature(found).parameters:
        arguments = {"seed": seed, **arguments}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return found(**arguments)
    except (TypeError, ValueError, ImportError) as error:
        raise ConfigError(f"searcher.sampler: found {arguments}, expected arguments of {name}: {error}") from error


def _distribution(parameter: Parameter) -> optuna.distributions.BaseDistribution:
    if isinstance(parameter, Int):
        return optuna.distributions.IntDistribution(parameter.minval, parameter.maxval)
    if isinstance(parameter, Categorical):
        # By position: Optuna takes choices of few types only.
        return optuna.distributions.CategoricalDistribution(range(len(parameter.vals)))
    assert isinstance(parameter, Double | Log)
    # A log by its exponent: the power is then ours, and the same on every processor.
    return optuna.distributions.FloatDistribution(parameter.minval, parameter.maxval)


def _value(parameter: Parameter, suggested: Any) -> Any:
    if isinstance(parameter, Const):
        return parameter.val
    if isinstance(parameter, Int):
        return int(suggested)
    if isinstance(parameter, Categorical):
        return parameter.vals[suggested]
    return float(suggested) if isinstance(parameter, Double) else power(parameter.base, float(suggested))
