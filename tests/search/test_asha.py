"""ASHA: its decisions are those of one worker that trains one trial after the other."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.search import Close, Train
from tests.search.schedules import SEARCHERS, World, search, undisturbed

RUNGS, DIVISOR = (1, 2, 4, 8), 2
FIELDS = SEARCHERS["asha"]


def one_after_the_other(world: World, trials: int) -> dict[int, list[int]]:
    """The algorithm of one worker, with sorting. Returns the targets of each trial."""
    results: dict[int, list[tuple[int, float, int]]] = {step: [] for step in RUNGS}
    targets: dict[int, list[int]] = {}
    for trial in range(1, trials + 1):
        targets[trial] = []
        for step in RUNGS:
            targets[trial].append(step)
            value = world.result(trial, step)
            kind = 2 if value is None else 1 if value != value else 0
            mine = (kind, value if value is not None and kind == 0 else 0.0, trial)
            results[step].append(mine)
            places = max(len(results[step]) // DIVISOR, 1)
            if value is None or mine not in sorted(results[step])[:places]:
                break
    return targets


@given(seed=st.integers(0, 2**40), values=st.sampled_from([1, 3, 1000]), failures=st.sampled_from([0, 0.1, 0.5]))
@settings(max_examples=60, deadline=None)
def test_the_decisions_are_those_of_one_worker(seed: int, values: int, failures: float) -> None:
    world = World(seed, values, failures=failures)
    decisions = undisturbed(FIELDS, world)
    found = {trial: [it.until_step for it in made if isinstance(it, Train)] for trial, made in decisions.items()}
    assert found == one_after_the_other(world, FIELDS["max_trials"])


def test_a_decision_waits_for_smaller_numbers_only() -> None:
    method = search(FIELDS, max_trials=3)
    method.start()
    assert method.report(2, 1, 0.2) == []
    assert method.report(3, 1, 0.1) == []
    assert method.waiting == 2
    stopped = Close(2, "not among the best 1 of 2 at rung 1 of 4 (step 1)")
    assert method.report(1, 1, 0.1) == [
        Train(1, 2),
        stopped,
        Close(3, "not among the best 1 of 3 at rung 1 of 4 (step 1)"),
    ]
    assert method.report(1, 2, 0.1) == [Train(1, 4)]
    assert method.fail(1) == [Close(1)]
    assert method.finished


def test_a_trial_that_stopped_below_a_rung_holds_nobody_up_there() -> None:
    method = search(FIELDS, max_trials=3)
    method.start()
    assert method.report(1, 1, 0.5) == [Train(1, 2)]
    assert method.report(2, 1, 0.6) == [Close(2, "not among the best 1 of 2 at rung 1 of 4 (step 1)")]
    assert method.report(3, 1, 0.1) == [Train(3, 2)]
    assert method.report(3, 2, 0.9) == [], "trial 1 may still come to this rung, trial 2 will not"
    assert method.report(1, 2, 0.1) == [
        Train(1, 4), Close(3, "not among the best 1 of 2 at rung 2 of 4 (step 2)")
    ]  # fmt: skip


def test_the_last_rung_decides_nothing_and_waits_for_nobody() -> None:
    method = search(FIELDS, max_trials=2, max_rungs=1)
    assert [it for it in method.start() if isinstance(it, Train)] == [Train(1, 8), Train(2, 8)]
    assert method.report(2, 8, 0.5) == [Close(2)]
