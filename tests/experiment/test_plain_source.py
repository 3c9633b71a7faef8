"""Plain data are written down as the same text in every process, and give the same value back."""

import enum
import math
import os
import subprocess
import sys

import numpy as np
import pytest

from pedl.experiment.plain_source import source_of

PLAIN = [
    None, True, -3, 10**30, 0.1, -0.0, "a'b\n", b"\x00", (), (1,), (1, (2,)), [], [[1], "x"], {}, {"a": {1: 2}},
    set(), {"b", "a"}, frozenset(), frozenset({1}), float("inf"), [float("-inf")],
]  # fmt: skip


class Colour(enum.IntEnum):
    RED = 1


@pytest.mark.parametrize("value", PLAIN, ids=source_of)
def test_what_is_written_gives_the_value_back(value):
    again = eval(source_of(value))
    assert (again, type(again), repr(again) if not isinstance(value, set) else "") == (
        value, type(value), repr(value) if not isinstance(value, set) else "",
    )  # fmt: skip


def test_nan_is_written():
    assert math.isnan(eval(source_of([math.nan]))[0])


def test_what_says_more_than_its_value_is_not_plain():
    itself: list = []
    itself.append(itself)
    for value in (np.float32(1), np.zeros(2), Colour.RED, object(), [lambda: 1], {"a": object()}, itself, range(3)):
        assert source_of(value) is None


def test_sets_are_written_in_one_order_for_every_hash_seed():
    code = "from pedl.experiment.plain_source import source_of; x = {*'abcdefgh'}; print(source_of(x)); print(x)"
    texts = [
        subprocess.check_output([sys.executable, "-c", code], env={**os.environ, "PYTHONHASHSEED": seed}, text=True)
        for seed in ("1", "2")
    ]
    (written, shown), (written_again, shown_again) = (text.splitlines() for text in texts)
    assert written == written_again
    assert shown != shown_again  # what it would be without the order
