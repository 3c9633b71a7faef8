"""The best of some results, as they arrive: compared with sorting all of them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pedl.search.best import BestOf, BestSoFar, Rank, has_failed, rank, rank_of_failure

metrics = st.one_of(st.none(), st.sampled_from([0.0, -0.0, 1.0, 2.0, float("nan"), float("inf")]))


def ranks(values: list[float | None]) -> list[Rank]:
    """One trial each, by number; None is a failure."""
    return [
        rank_of_failure(trial) if value is None else rank(value, trial, smaller_is_better=True)
        for trial, value in enumerate(values, start=1)
    ]


def test_numbers_come_before_nan_before_failures_and_equals_by_trial() -> None:
    found = ranks([None, float("nan"), 2.0, 1.0, 1.0, float("-inf"), float("inf"), float("nan")])
    assert [trial for *_, trial in sorted(found)] == [6, 4, 5, 3, 7, 2, 8, 1]
    assert [has_failed(result) for result in found] == [True] + [False] * 7
    assert rank(None, 1, True) == rank(float("nan"), 1, True)
    assert rank(2.0, 2, smaller_is_better=False) < rank(1.0, 1, smaller_is_better=False)


@given(st.lists(metrics, min_size=1, max_size=12), st.data())
def test_who_is_certain_is_told_as_soon_as_it_is_certain_and_once(
    values: list[float | None], data: st.DataObject
) -> None:
    results = ranks(values)
    best = data.draw(st.integers(0, len(results)))
    arriving = data.draw(st.permutations(results))
    among, certain, out = BestOf(len(results), best), [], []
    for number in range(1, len(arriving) + 1):
        now_certain, now_out = among.add(arriving[number - 1])
        certain += now_certain
        out += now_out
        seen = sorted(arriving[:number])
        assert sorted(certain) == seen[: max(best - (len(results) - number), 0)]
        assert sorted(out) == seen[best:]
    assert sorted(certain) == sorted(results)[:best]


@given(st.lists(metrics, max_size=30), st.sampled_from([2.0, 2.5, 3.0, 4.0]))
def test_who_is_among_the_best_so_far_is_what_sorting_says(values: list[float | None], divisor: float) -> None:
    so_far, results = BestSoFar(divisor), ranks(values)
    for number, result in enumerate(results, start=1):
        places = max(int(number / divisor), 1)
        assert so_far.add(result) == (result in sorted(results[:number])[:places])
        assert (so_far.places, so_far.results) == (places, number)
