"""A grid has its points in one order, whatever the file's, and both ends of each range."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.config.hparams import Double, Int, Log
from pedl.config.limits import grid_size
from pedl.search.grid import grid_points, grid_values
from tests.search.spaces import space

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "grids.json").read_text())


@pytest.mark.parametrize("vector", VECTORS["grids"])
def test_grids_are_what_they_always_were(vector: dict[str, Any]) -> None:
    assert json.dumps(list(grid_points(space(vector["space"])))) == json.dumps(vector["points"])


def test_the_first_name_by_dotted_path_varies_slowest() -> None:
    mapping = {
        "b": {"type": "categorical", "vals": [1, 2]},
        "a": {"z": {"type": "categorical", "vals": ["x", "y"]}},
    }
    expected = [{"a": {"z": z}, "b": b} for z in ("x", "y") for b in (1, 2)]
    assert list(grid_points(space(mapping))) == expected
    assert list(grid_points(space(dict(reversed(mapping.items()))))) == expected


@pytest.mark.parametrize(
    ("minval", "maxval", "count", "values"),
    [
        (1, 10, 4, [1, 4, 7, 10]),
        (0, 3, 100, [0, 1, 2, 3]),
        (0, 5, 3, [0, 2, 5]),
        (1, 4, 1, [2]),
        (2, 5, 1, [4]),
        (7, 7, 3, [7]),
        (-(2**63), 2**63 - 1, 2, [-(2**63), 2**63 - 1]),
    ],
)
def test_ints_are_rounded_and_their_count_is_clamped(minval: int, maxval: int, count: int, values: list[int]) -> None:
    assert grid_values(Int(type="int", minval=minval, maxval=maxval, count=count)) == values


@given(st.integers(-(10**6), 10**6), st.integers(0, 300), st.integers(1, 400))
@settings(max_examples=100, deadline=None)
def test_the_ints_of_a_grid_are_distinct_and_rise(minval: int, width: int, count: int) -> None:
    values = grid_values(Int(type="int", minval=minval, maxval=minval + width, count=count))
    assert values == sorted(set(values))
    assert len(values) == min(count, width + 1)


def test_doubles_and_logs_have_both_ends() -> None:
    assert grid_values(Double(type="double", minval=0.1, maxval=0.7, count=4)) == [0.1, 0.3, 0.5, 0.7]
    assert grid_values(Double(type="double", minval=-1, maxval=2, count=1)) == [0.5]
    assert grid_values(Log(type="log", base=10, minval=-4, maxval=-1, count=4)) == [1e-4, 1e-3, 1e-2, 1e-1]
    assert grid_values(Log(type="log", base=10, minval=-4, maxval=-2, count=1)) == [1e-3]


def test_a_space_without_parameters_is_one_point() -> None:
    assert list(grid_points(space({}))) == [{}]
    assert grid_size(space({"a": 1, "b": {"c": [1, 2]}})) == 1


def test_a_value_shared_by_points_is_not_shared_by_trials() -> None:
    first, second = grid_points(space({"a": {"type": "categorical", "vals": [1, 2]}, "b": [3]}))
    first["b"].append(4)
    assert second == {"a": 2, "b": [3]}


def test_a_parameter_without_count_has_no_grid() -> None:
    with pytest.raises(ValueError, match="no count"):
        grid_values(Int(type="int", minval=0, maxval=1))
