"""How a clone's hyperparameters come from its parent's: exactly, in their ranges, keyed by number and path."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedl.config.hparams import Parameter
from pedl.config.searcher import ExploreFunction
from pedl.search.explore import explored, perturbed
from pedl.search.space import draw_hparams
from pedl.seeds import SCHEME
from tests.search.spaces import EVERY_KIND, mappings, space

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "explored.json").read_text())


def parameter(**fields: Any) -> Parameter:
    return space({"x": fields}).flat()["x"]


UP, DOWN = Fraction(6, 5), Fraction(4, 5)
UNITS = parameter(type="int", minval=-20, maxval=100)
RATE = parameter(type="double", minval=0.0, maxval=0.9)
LR = parameter(type="log", base=10, minval=-4, maxval=-1)


@pytest.mark.parametrize(
    ("kind", "value", "factor", "expected"),
    [
        (UNITS, 10, UP, 12),
        (UNITS, 11, UP, 14),
        (UNITS, 11, DOWN, 8),
        (UNITS, 1, UP, 2),
        (UNITS, 1, DOWN, 0),
        (UNITS, -6, UP, -8),
        (UNITS, -6, DOWN, -4),
        (UNITS, 99, UP, 100),
        (UNITS, -19, UP, -20),
        (RATE, 0.5, UP, 0.6),
        (RATE, 0.5, DOWN, 0.4),
        (RATE, 0.0, UP, 0.0),
        (RATE, 0.89, UP, 0.8999999999999999),
        (LR, 0.01, UP, 0.012),
        (LR, 0.0001, DOWN, 0.0001),
        (LR, 0.09, UP, 0.09999999999999999),
        (parameter(type="log", base=0.5, minval=1, maxval=3), 0.25, UP, 0.3),
        (parameter(type="categorical", vals=[1, [2]]), [2], UP, [2]),
        (parameter(type="const", val=3), 3, UP, 3),
    ],
)
def test_a_value_is_multiplied_rounded_away_and_kept_in_its_range(
    kind: Parameter, value: Any, factor: Fraction, expected: Any
) -> None:
    assert perturbed(kind, value, factor) == expected


@given(mapping=mappings, seed=st.integers(0, 2**31 - 1), factor=st.sampled_from([0.0, 0.2, 0.9]))
def test_clones_stay_in_the_space_and_are_drawn_as_new_trials_where_they_are_resampled(
    mapping: dict[str, Any], seed: int, factor: float
) -> None:
    parent = draw_hparams(space(mapping), seed, 1)
    resampled = explored(
        space(mapping), parent, seed, 7, ExploreFunction(resample_probability=1, perturb_factor=factor)
    )
    assert resampled == draw_hparams(space(mapping), seed, 7)
    clone = explored(space(mapping), parent, seed, 7, ExploreFunction(resample_probability=0, perturb_factor=factor))
    for path, kind in space(mapping).flat().items():
        if hasattr(kind, "minval") and kind.type != "log":
            assert kind.minval <= clone[path] <= kind.maxval
    if factor == 0:
        assert clone == parent


def test_another_parameter_moves_no_other() -> None:
    how = ExploreFunction(resample_probability=0.5, perturb_factor=0.2)
    few, many = space({"a": EVERY_KIND["units"]}), space({"a": EVERY_KIND["units"], "b": EVERY_KIND["dropout"]})
    for number in range(2, 40):
        parent = draw_hparams(many, 3, 1)
        assert explored(many, parent, 3, number, how)["a"] == explored(few, parent, 3, number, how)["a"]


def test_clones_are_what_they_always_were() -> None:
    assert VECTORS["scheme"] == SCHEME
    how = ExploreFunction(**VECTORS["explore_function"])
    for vector in VECTORS["clones"]:
        parent = draw_hparams(space(EVERY_KIND), vector["experiment_seed"], 1)
        assert explored(space(EVERY_KIND), parent, vector["experiment_seed"], vector["trial"], how) == vector["hparams"]
