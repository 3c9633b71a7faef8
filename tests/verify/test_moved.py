"""What differs first between two short runs is named: data before variables, and both before what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pedl.verify.moved import moved
from pedl.verify.short_runs import Recording

ONE = Recording(
    initial="i",
    data=("d1", "d2", "d3", "d4"),
    states=("s1", "s2", "s3", "s4"),
    tensors={"0:kernel": ("k1", "k2", "k3", "k4"), "1:bias": ("b1", "b2", "b3", "b4")},
    results={"validation 1.loss": 0.5, "weights_sha256": "w"},
    failure=None,
    met=(),
)


def at(words: tuple[str, ...], batch: int) -> tuple[str, ...]:
    return tuple("moved" if number == batch else word for number, word in enumerate(words, 1))


@pytest.mark.parametrize(
    ("changes", "what", "step", "batch", "tensors"),
    [
        ({"initial": "j"}, "initial weights", 0, 0, ()),
        ({"data": at(ONE.data, 2), "states": at(ONE.states, 2)}, "data", 1, 2, ()),
        ({"states": at(ONE.states, 3), "data": at(ONE.data, 4)}, "variables", 2, 3, ()),
        (
            {"states": at(ONE.states, 4), "tensors": {**ONE.tensors, "1:bias": at(ONE.tensors["1:bias"], 4)}},
            "variables", 2, 4, ("1:bias",),
        ),
        ({"results": {**ONE.results, "weights_sha256": "v"}}, "weights_sha256", None, None, ()),
        ({"failure": {"type": "failed", "message": "no"}}, "failure", None, None, ()),
        ({"data": ONE.data[:2], "states": ONE.states[:2]}, "number of batches", None, None, ()),
    ],
)  # fmt: skip
def test_the_first_difference_is_named(
    changes: dict[str, Any], what: str, step: int | None, batch: int | None, tensors: tuple[str, ...]
) -> None:
    found = moved(ONE, replace(ONE, **changes))
    assert found is not None
    assert (found.what, found.step, found.batch, found.tensors) == (what, step, batch, tensors)
    assert found.to_dict()["tensors"] == list(tensors)


def test_equal_runs_have_none_whatever_was_met() -> None:
    assert moved(ONE, replace(ONE, met=({"kind": "clock"},))) is None


@pytest.mark.parametrize("resumed", [False, True])
@pytest.mark.parametrize(
    ("results", "what", "other"),
    [
        ({"validation 1.loss": 0.5}, "weights_sha256", "nothing"),
        ({**ONE.results, "validation 2.loss": 0.5}, "validation 2.loss", 0.5),
    ],
)
def test_a_result_that_one_run_lacks_is_a_difference(
    resumed: bool, results: dict[str, Any], what: str, other: Any
) -> None:
    found = moved(ONE, replace(ONE, results=results), resumed)
    assert found is not None
    assert (found.what, found.other) == (what, other)
    assert "nothing" in found.text()


def test_only_a_resumed_run_may_lack_the_validation_where_it_was_resumed() -> None:
    without = replace(ONE, results={"weights_sha256": "w"})
    assert moved(ONE, without, resumed=True) is None
    for one, other, resumed in ((ONE, without, False), (without, ONE, True)):
        found = moved(one, other, resumed)
        assert found is not None and found.what == "validation 1.loss"


def test_it_is_told_in_words() -> None:
    tensors = {f"{number}:t": ("moved", *ONE.states[1:]) for number in range(6)}
    other = replace(ONE, states=at(ONE.states, 1), tensors=tensors)
    found = moved(replace(ONE, tensors=dict.fromkeys(tensors, ONE.states)), other)
    assert found is not None
    assert found.text() == "the variables of batch 1 (step 1) differ; after it: 0:t, 1:t, 2:t, 3:t and 2 more"
    failed = moved(ONE, replace(ONE, failure={"type": "failed", "message": "Traceback\nValueError: no"}))
    assert failed is not None
    assert failed.text() == "one run ended well; one failed: ValueError: no"
