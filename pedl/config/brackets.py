"""The shapes of halving: how many trials reach which rung of which bracket, and when there are too few for one.

A rung is a number of steps and of trials that are trained so far; the best of a rung go on to the next. The numbers
are those of successive halving (Jamieson and Talwalkar 2016; brackets: Li et al., "Hyperband", 2018), scaled to a
budget of steps or of trials. All arithmetic is of integers and fractions: the numbers do not depend on a machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from pedl.config.problems import Problem
from pedl.config.searcher import (
    AdaptiveSearcher,
    AdaptiveSimpleSearcher,
    AshaSearcher,
    AsyncHalvingSearcher,
    HalvingSearcher,
    PbtSearcher,
    Searcher,
)


@dataclass(frozen=True)
class Rung:
    """`trials` trials have been trained for `steps` steps, counted from the start of each."""

    steps: int
    trials: int


Bracket = tuple[Rung, ...]
"""Its rungs, the shortest first."""


def exact(number: float) -> Fraction:
    """Returns the fraction that a person wrote: 0.1 is one tenth, not the float nearest to it."""
    return Fraction(repr(number))


def brackets(searcher: HalvingSearcher) -> list[Bracket]:
    """Returns the brackets of a search whose configuration has no `halving_problems`, the largest first."""
    return [_shape(searcher, rungs, share) for rungs, share in _shares(searcher)]


def asha_rungs(searcher: AshaSearcher) -> Bracket:
    """Returns the rungs of ASHA, with as many trials as reach each where every trial is as good as the next.

    How many really do is decided by their results.
    """
    return _by_trials(searcher.max_steps, searcher.max_trials, searcher.divisor, searcher.max_rungs)


def rounds(searcher: PbtSearcher) -> Bracket:
    """Returns the rounds of a population as rungs: in each, the whole population is trained."""
    steps, size = searcher.steps_per_round, searcher.population_size
    return tuple(Rung(steps * number, size) for number in range(1, searcher.num_rounds + 1))


def cost(bracket: Bracket) -> int:
    """Returns the steps that a bracket costs: from rung to rung a trial goes on from where it was."""
    before = (0, *(rung.steps for rung in bracket))
    return sum((rung.steps - done) * rung.trials for rung, done in zip(bracket, before, strict=False))


def halving_problems(searcher: Searcher) -> list[Problem]:
    """Returns what keeps a search with rungs from having one trial and one more step at each of them."""
    if isinstance(searcher, AshaSearcher | AdaptiveSimpleSearcher):
        return _too_short("max_steps", searcher.max_steps, _most_rungs(searcher))
    if not isinstance(searcher, AsyncHalvingSearcher | AdaptiveSearcher):
        return []
    problems = _too_short("target_trial_steps", searcher.target_trial_steps, _most_rungs(searcher))
    return problems or _too_small_a_budget(searcher)


def _most_rungs(searcher: HalvingSearcher | AshaSearcher) -> int:
    return searcher.max_rungs if isinstance(searcher, AshaSearcher) else max(_bracket_rungs(searcher))


def _too_short(field: str, steps: int, rungs: int) -> list[Problem]:
    # With a divisor of at least 2, so many steps are enough: rung i needs i steps at least, and no more are forced.
    if steps >= rungs:
        return []
    message = f"found {steps}, expected at least {rungs}: each of {rungs} rungs is longer than the one before"
    return [Problem(("searcher", field), f"{message}; raise it, or ask for fewer rungs")]


def _too_small_a_budget(searcher: AsyncHalvingSearcher | AdaptiveSearcher) -> list[Problem]:
    counts = _bracket_rungs(searcher)
    smallest = max(_smallest_budget(searcher, rungs) for rungs in counts) * len(counts)
    if searcher.step_budget >= smallest:
        return []
    each = "the bracket" if len(counts) == 1 else f"each of the {len(counts)} brackets"
    message = f"found {searcher.step_budget}, expected at least {smallest}, so that {each} has a trial"
    return [Problem(("searcher", "step_budget"), message)]


def _shares(searcher: HalvingSearcher) -> list[tuple[int, int]]:
    """Returns the number of rungs of each bracket, and its share of the budget: of steps, or of trials."""
    counts = _bracket_rungs(searcher)
    if isinstance(searcher, AdaptiveSimpleSearcher):
        share, more = divmod(searcher.max_trials, len(counts))
        return [(rungs, max(share + (number < more), 1)) for number, rungs in enumerate(counts)]
    return [(rungs, searcher.step_budget // len(counts)) for rungs in counts]


def _bracket_rungs(searcher: HalvingSearcher) -> list[int]:
    if isinstance(searcher, AsyncHalvingSearcher):
        return [searcher.num_rungs]
    if isinstance(searcher, AdaptiveSearcher) and searcher.bracket_rungs is not None:
        return sorted(searcher.bracket_rungs, reverse=True)
    most = searcher.max_rungs
    least = {"conservative": 1, "standard": (most - 1) // 2 + 1, "aggressive": most}[searcher.mode]
    return list(range(most, least - 1, -1))


def _shape(searcher: HalvingSearcher, rungs: int, share: int) -> Bracket:
    if isinstance(searcher, AdaptiveSimpleSearcher):
        return _by_trials(searcher.max_steps, share, searcher.divisor, rungs)
    steps, start = _unscaled(searcher, rungs)
    expected = _expected(steps, start)
    trials: list[int] = []
    for count in start:
        scaled = count * share // expected
        trials.append(max(min(scaled, trials[-1]), 1) if trials else scaled)
    return tuple(Rung(*pair) for pair in zip(_increasing(steps), trials, strict=True))


def _unscaled(searcher: AsyncHalvingSearcher | AdaptiveSearcher, rungs: int) -> tuple[list[int], list[int]]:
    """Returns steps and trials of each rung, of which each has the same budget, before they are scaled to theirs."""
    shares = [exact(searcher.divisor) ** (rungs - rung - 1) for rung in range(rungs)]
    steps = [max(int(searcher.target_trial_steps / share), 1) for share in shares]
    return steps, [max(int(share), 1) for share in shares]


def _expected(steps: list[int], start: list[int]) -> int:
    before = [0, *steps]
    return sum((now - then) * trials for now, then, trials in zip(steps, before, start, strict=False))


def _smallest_budget(searcher: AsyncHalvingSearcher | AdaptiveSearcher, rungs: int) -> int:
    steps, start = _unscaled(searcher, rungs)
    return -(-_expected(steps, start) // start[0])


def _by_trials(max_steps: int, trials: int, divisor: float, rungs: int) -> Bracket:
    by = exact(divisor)
    steps = [max(int(max_steps / by ** (rungs - rung - 1)), 1) for rung in range(rungs)]
    counts = [max(int(trials / by**rung), 1) for rung in range(rungs)]
    return tuple(Rung(*pair) for pair in zip(_increasing(steps), counts, strict=True))


def _increasing(steps: list[int]) -> list[int]:
    """Returns the steps, each at least one more than the one before."""
    longer: list[int] = []
    for count in steps:
        longer.append(max(count, longer[-1] + 1) if longer else count)
    return longer
