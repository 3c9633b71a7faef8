"""Hyperparameters that a sampler of Optuna suggests, asked and told in the order of trial numbers.

    suggest(i) sees exactly the results of trials 1 .. i - lag

So with a lag of 1 trials are suggested and trained one after the other, and with a lag of n at most n are trained at
once; the lag is a part of the configuration, since it decides what a sampler knows, and nothing else does. The study is
kept in memory: going on after a crash asks and tells again, from the event log.

A sampler that has suggested all there is, as one of a grid, stops the study while it is told a result. No trial is
suggested from then on, so the search is over with those that are there. Told in order, it always stops at the same one.

What Optuna computes with NumPy's or another package's floating point is not promised to agree between processors or
versions; see docs/search.md. Of the search, only this module imports Optuna (the extra `pedl[optuna]`).
"""

from __future__ import annotations

import inspect
import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import optuna
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from pedl.config.brackets import Rung
from pedl.config.hparams import Categorical, Const, Double, Int, Log, Parameter, Space
from pedl.config.searcher import OptunaSearcher
from pedl.errors import ConfigError, PedlError
from pedl.extras import need_packages
from pedl.search.method import Operation, Plan
from pedl.search.space import nested, power
from pedl.search.told import ToldSearch
from pedl.seeds import sampler_seed

Distribution = CategoricalDistribution | FloatDistribution | IntDistribution

_DIRECTIONS = {True: optuna.study.StudyDirection.MINIMIZE, False: optuna.study.StudyDirection.MAXIMIZE}

PACKAGES = {"CmaEsSampler": ("cmaes",), "GPSampler": ("scipy", "torch"), "QMCSampler": ("scipy",)}
"""What samplers import once they know results, by name: Optuna installs none of it, and says nothing before."""


class OptunaSearch(ToldSearch):
    """`optuna`: see the module's text.

    Raises:
      ConfigError: if Optuna has no such sampler, or it does not take these arguments.
      InputError: if a package that the sampler needs is not installed.
    """

    def __init__(self, searcher: OptunaSearcher, space: Space, experiment_seed: int) -> None:
        super().__init__()
        self._searcher = searcher
        self._space = space.flat()
        self._distributions = {path: _distribution(it) for path, it in self._space.items() if not isinstance(it, Const)}
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = _sampler(dict(searcher.sampler), sampler_seed(experiment_seed))
        if isinstance(sampler, optuna.samplers.GridSampler):
            _check_grid(searcher.sampler["search_space"], self._distributions)
        self._study = optuna.create_study(sampler=sampler, direction=_DIRECTIONS[searcher.smaller_is_better])
        # Optuna's own raises outside of `optimize`, and there, too, nothing more is asked once a sampler has called it.
        self._study.stop = self._stop  # type: ignore[method-assign]
        self._stopped = False
        self._asked: dict[int, optuna.trial.Trial] = {}
        self._results: dict[int, float | None] = {}
        """Results that are not told yet; None for a failure."""
        self._told = 0

    def start(self) -> list[Operation]:
        """Returns Create and Train for the first `lag` trials, which know no results."""
        return self._ask()

    @property
    def finished(self) -> bool:
        """True once every trial is closed, and no other will be suggested."""
        return self._roster.all_over and not self.waiting

    @property
    def waiting(self) -> int:
        """How many trials wait to be suggested."""
        return 0 if self._stopped else self._searcher.max_trials - self._roster.created

    def plan(self) -> Plan:
        """Returns one rung: all trials are trained equally long. There may be fewer; see the module's text."""
        return Plan(((Rung(self._searcher.max_steps, self._searcher.max_trials),),), self._searcher.max_trials)

    def _reached(self, trial_id: int, step: int, metric: float | None) -> list[Operation]:
        self._results[trial_id] = None if metric is None or math.isnan(metric) else metric
        return [self._roster.close(trial_id), *self._tell_and_ask()]

    def _failed(self, trial_id: int) -> list[Operation]:
        self._results[trial_id] = None
        return self._tell_and_ask()

    def _stop(self) -> None:
        self._stopped = True

    def _tell_and_ask(self) -> list[Operation]:
        operations: list[Operation] = []
        while self._told + 1 in self._results:
            self._told += 1
            value = self._results.pop(self._told)
            state = optuna.trial.TrialState.FAIL if value is None else optuna.trial.TrialState.COMPLETE
            with self._sampling():
                self._study.tell(self._asked.pop(self._told), value, state=state)
            operations += self._ask()
        return operations

    def _ask(self) -> list[Operation]:
        """Creates all trials that may be suggested by what was told so far."""
        operations: list[Operation] = []
        while self.waiting and self._roster.created < self._told + self._searcher.lag:
            operations += self._roster.create(self._suggested(), self._searcher.max_steps)
        return operations

    def _suggested(self) -> dict[str, Any]:
        with self._sampling():
            trial = self._study.ask({**self._distributions})
        self._asked[self._roster.created + 1] = trial
        return nested({path: _value(it, trial.params.get(path)) for path, it in self._space.items()})

    @contextmanager
    def _sampling(self) -> Iterator[None]:
        """Names the sampler in whatever it raises: it is others' code, on arguments of the user's."""
        try:
            yield
        except Exception as error:
            name, what = self._searcher.sampler["name"], f"{type(error).__name__}: {error}"
            if not self._told:
                raise ConfigError(
                    f"searcher.sampler: found {name}, expected one that can suggest from this space with these "
                    f"arguments: {what}"
                ) from error
            raise PedlError(
                f"{name} of Optuna could not go on from the result of trial {self._told}: {what}.\n"
                "No result is lost: once the cause is fixed, run this again."
            ) from error


def _sampler(arguments: dict[str, Any], seed: int) -> optuna.samplers.BaseSampler:
    name = arguments.pop("name")
    found = getattr(optuna.samplers, name, None)
    if not (inspect.isclass(found) and issubclass(found, optuna.samplers.BaseSampler)):
        names = ", ".join(
            each for each in optuna.samplers.__all__ if each.endswith("Sampler") and each != "BaseSampler"
        )
        raise ConfigError(f"searcher.sampler.name: found {name!r}, expected one of {names}")
    need_packages(f"searcher.sampler.name: {name}", *PACKAGES.get(name, ()))
    if "seed" in inspect.signature(found).parameters:
        arguments = {"seed": seed, **arguments}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return found(**arguments)
    except Exception as error:  # what a sampler makes of arguments that it does not expect is its own affair
        raise ConfigError(f"searcher.sampler: found {arguments}, expected arguments of {name}: {error}") from error


def _check_grid(grid: Mapping[str, Sequence[Any]], distributions: Mapping[str, Distribution]) -> None:
    """Raises ConfigError for values out of range: Optuna would suggest some of them, and fail at others much later."""
    for path, it in distributions.items():
        whole = not isinstance(it, FloatDistribution)
        low, high = (0, len(it.choices) - 1) if isinstance(it, CategoricalDistribution) else (it.low, it.high)
        kind = int if whole else int | float
        wrong = [repr(one) for one in grid.get(path, ()) if not (isinstance(one, kind) and low <= one <= high)]
        if wrong or not grid.get(path):
            raise ConfigError(
                f"searcher.sampler.search_space: found {', '.join(wrong) or 'nothing'} for {path}, expected "
                f"{'whole ' if whole else ''}numbers in {low} .. {high}.\n"
                "A log is given by its exponents, and a categorical by the positions of its values, from 0."
            )


def _distribution(parameter: Parameter) -> Distribution:
    if isinstance(parameter, Int):
        return IntDistribution(parameter.minval, parameter.maxval)
    if isinstance(parameter, Categorical):
        # By position: Optuna takes choices of few types only.
        return CategoricalDistribution(range(len(parameter.vals)))
    assert isinstance(parameter, Double | Log)
    # A log by its exponent: the power is then ours, and the same on every processor.
    return FloatDistribution(parameter.minval, parameter.maxval)


def _value(parameter: Parameter, suggested: Any) -> Any:
    if isinstance(parameter, Const):
        return parameter.val
    if isinstance(parameter, Int):
        return int(suggested)
    if isinstance(parameter, Categorical):
        return parameter.vals[suggested]
    return float(suggested) if isinstance(parameter, Double) else power(parameter.base, float(suggested))
