"""Numbers of any size have places between 0 and 1 in their order, and few texts, which can be read and told apart."""

from __future__ import annotations

import itertools
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pedl.report.charts import coordinates, curves
from pedl.report.importance import importance
from pedl.report.results import Results
from pedl.report.scales import APART, is_logarithmic, positions, ticks

EXTREMES = (0.0, 5e-324, 1e-320, 1e-5, 0.1, 1.0, 1e15, 1e300, 1.7976931348623157e308, 10**400)
numbers = st.one_of(
    st.sampled_from([*EXTREMES, *(-number for number in EXTREMES)]),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(10**420), 10**420),
)
values = st.one_of(numbers, st.booleans(), st.sampled_from(["NaN", "Infinity", "adam", "x" * 500, None]), st.text())
metrics = st.one_of(st.floats(allow_nan=True), st.sampled_from([0.5, "NaN", "-Infinity", None]))


@given(st.lists(numbers, min_size=1, max_size=20))
@example([1e300] * 3)
@example([1, 1.0])
@example([1.7e308, -1.7e308])
@example([1e15 + number for number in range(9)])
def test_places_are_in_order_and_texts_can_be_read(column: list[float]) -> None:
    for logarithmic in {False, is_logarithmic(column)}:
        found = dict(zip(column, positions(column, logarithmic), strict=True))
        places = [found[number] for number in sorted(found)]
        assert places == sorted(places) and places[0] == 0 and places[-1] in (0, 1)
        written = ticks(column, logarithmic)
        assert 1 <= len(written) <= 11
        assert all(after - before >= APART for (before, _), (after, _) in itertools.pairwise(written))
        texts = [text for _, text in written]
        assert len(set(texts)) == len(texts) and all(len(text) < 25 for text in texts)
        assert [Decimal(text) for text in texts] == sorted(Decimal(text) for text in texts)


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ([1e-4, 0.003, 0.1], ["1e-4", "1e-3", "1e-2", "1e-1"]),
        ([2e-8, 4e-8], ["2e-8", "4e-8"]),
        ([8, 16, 32], ["8", "16", "32"]),
        ([0.05, 0.2, 0.3, 0.5, 0.7, 0.99, 1.01], ["0.2", "0.4", "0.6", "0.8", "1"]),
        ([1e300, 1e-320, 1.0], ["1e-400", "1e-300", "1e-200", "1e-100", "1e0", "1e100", "1e200", "1e300"]),
        ([1, 10**450], ["1e0", "1e100", "1e200", "1e300", "1e400", "1e500"]),
        ([1e15, 1e15 + 1], ["1e15", "1.000000000000001e15"]),
    ],
    ids=["decades", "small", "few", "many", "far", "huge", "close"],
)
def test_round_numbers_are_written(column: list[float], expected: list[str]) -> None:
    assert [text for _, text in ticks(column, is_logarithmic(column))] == expected


def described(trials: list[tuple[Any, Any]]) -> dict[str, Any]:
    """Returns what is described of trials with these values of a hyperparameter and these results."""
    made = [
        {
            "id": number,
            "state": "COMPLETED",
            "hparams": {"value": value},
            "training": [{"step": 1, "metrics": {"loss": metric}}],
            "validation": [{"step": 1, "metrics": {"loss": metric}}],
        }
        for number, (value, metric) in enumerate(trials, start=1)
    ]
    config = {"searcher": {"metric": "loss", "smaller_is_better": True}}
    return {"config": config, "best_trial": 1, "trials": made}


@settings(max_examples=40)
@given(st.lists(st.tuples(values, metrics), max_size=12))
@example([(10**400, 0.5), (1, 0.25), (10**401, 1e300), (2, 1e-320), (3, -1e300)])
def test_whatever_trials_have_can_be_drawn(trials: list[tuple[Any, Any]]) -> None:
    results = Results(described(trials))
    compared, mattered = coordinates(results), importance(results)
    if not isinstance(compared, str):
        for axis in compared["data"][0]["dimensions"]:
            assert all(0 <= value <= 1 for value in axis["values"])
            assert 1 <= len(axis["ticktext"]) <= 18
    if not isinstance(mattered, str):
        assert sum(mattered.values()) == pytest.approx(1)
    for group, name in results.metrics:
        drawn = curves(results, group, name)
        assert isinstance(drawn, str) or all(
            value is None or value == 0 or 1e-300 <= abs(value) <= 1e300 for it in drawn["data"] for value in it["y"]
        )
