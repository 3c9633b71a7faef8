"""Hyperparameters are keyed by what they are for; nothing else moves them."""

from __future__ import annotations

import decimal
import json
import math
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.config.hparams import Categorical, Double, Int, Log
from pedl.search import space as space_module
from pedl.search.space import draw, draw_hparams, power
from tests.search.spaces import EVERY_KIND, mappings, names, space

VECTORS = Path(__file__).parents[1] / "vectors"
ALL_BITS = 2**128 - 1
seeds = st.integers(0, 2**31 - 1)
trials = st.integers(1, 2**31 - 1)


@pytest.mark.parametrize("vector", json.loads((VECTORS / "hparams.json").read_text())["draws"])
def test_draws_of_every_kind_are_what_they_always_were(vector: dict[str, Any]) -> None:
    drawn = draw_hparams(space(EVERY_KIND), vector["experiment_seed"], vector["trial"])
    assert json.dumps(drawn) == json.dumps(vector["hparams"])


def test_the_recorded_draws_were_made_from_the_space_of_this_test() -> None:
    assert json.loads((VECTORS / "hparams.json").read_text())["space"] == EVERY_KIND


@given(mappings, mappings, seeds, trials)
@settings(max_examples=50, deadline=None)
def test_adding_parameters_changes_no_other_draw(
    mine: dict[str, Any], added: dict[str, Any], seed: int, trial: int
) -> None:
    together = draw_hparams(space({**added, **mine}), seed, trial)
    assert {name: together[name] for name in mine} == draw_hparams(space(mine), seed, trial)


@given(mappings, names, names, seeds, trials)
@settings(max_examples=50, deadline=None)
def test_renaming_a_parameter_changes_no_other_draw(
    others: dict[str, Any], old: str, new: str, seed: int, trial: int
) -> None:
    others = {name: entry for name, entry in others.items() if name not in (old, new)}
    entry = {"type": "int", "minval": 0, "maxval": 2**40}
    before = draw_hparams(space({**others, old: entry}), seed, trial)
    after = draw_hparams(space({**others, new: entry}), seed, trial)
    assert before.pop(old) == after.pop(new) or old != new
    assert before == after


@given(st.permutations(list(EVERY_KIND)), seeds, trials)
@settings(max_examples=25, deadline=None)
def test_the_order_of_the_file_changes_neither_draws_nor_the_order_of_names(
    order: list[str], seed: int, trial: int
) -> None:
    reordered = space({name: EVERY_KIND[name] for name in order})
    assert json.dumps(draw_hparams(reordered, seed, trial)) == json.dumps(draw_hparams(space(EVERY_KIND), seed, trial))


def test_draws_from_one_stream_would_not_pass_the_promise_above(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = iter(range(0, 2**128, 2**126))
    monkeypatch.setattr(space_module, "hparam_bits", lambda *key: next(stream))
    units = EVERY_KIND["units"]
    alone = draw_hparams(space({"units": units}), 1, 1)
    assert draw_hparams(space({"added": units, "units": units}), 1, 1)["units"] != alone["units"]


def test_another_seed_and_another_trial_give_other_draws() -> None:
    drawn = [json.dumps(draw_hparams(space(EVERY_KIND), seed, trial)) for seed in range(3) for trial in range(1, 4)]
    assert len(set(drawn)) == 9


def test_draws_are_equal_in_processes_whose_string_hashes_differ() -> None:
    script = (
        "import json; from tests.search.spaces import *; from pedl.search.space import draw_hparams;"
        "print(json.dumps(draw_hparams(space(EVERY_KIND), 7, 3)), hash('pedl'), sep='|')"
    )
    outputs = [
        subprocess.run(
            [sys.executable, "-c", script], env={"PYTHONHASHSEED": value}, capture_output=True, text=True, check=True,
            cwd=Path(__file__).parents[2],
        ).stdout.split("|")
        for value in ("1", "2")
    ]  # fmt: skip
    assert outputs[0][1] != outputs[1][1]
    assert outputs[0][0] == outputs[1][0] == json.dumps(draw_hparams(space(EVERY_KIND), 7, 3))


def test_an_int_reaches_both_ends_and_a_double_never_its_maxval() -> None:
    whole = Int(type="int", minval=-2, maxval=5)
    assert (draw(whole, 0), draw(whole, ALL_BITS)) == (-2, 5)
    narrow = Double(type="double", minval=1.0, maxval=math.nextafter(1.0, 2.0))
    assert (draw(narrow, 0), draw(narrow, ALL_BITS)) == (1.0, 1.0)
    widest = Double(type="double", minval=-sys.float_info.max, maxval=sys.float_info.max)
    assert draw(widest, 0) == -sys.float_info.max
    assert draw(widest, ALL_BITS) < sys.float_info.max


@given(st.integers(0, ALL_BITS), st.floats(-1e300, 1e300), st.floats(1e-300, 1e300))
@settings(max_examples=100, deadline=None)
def test_a_double_lies_in_its_range(bits: int, minval: float, width: float) -> None:
    maxval = minval + width if minval + width > minval else math.nextafter(minval, math.inf)
    assert minval <= draw(Double(type="double", minval=minval, maxval=maxval), bits) < maxval


def test_ints_and_choices_are_uniform_to_the_last_bit() -> None:
    whole = Int(type="int", minval=1, maxval=3)
    borders = [-(-value * 2**128 // 3) for value in (1, 2)]
    assert [draw(whole, bits) for border in borders for bits in (border - 1, border)] == [1, 2, 2, 3]
    choice = Categorical(type="categorical", vals=["a", "b", "c"])
    assert [draw(choice, bits) for border in borders for bits in (border - 1, border)] == ["a", "b", "b", "c"]


@given(st.floats(0.01, 1000).filter(lambda base: base != 1), st.floats(-50, 50))
@settings(max_examples=100, deadline=None)
def test_a_power_is_the_nearest_float(base: float, exponent: float) -> None:
    found = power(base, exponent)
    with decimal.localcontext(decimal.Context(prec=120)):
        exact = decimal.Decimal(base) ** decimal.Decimal(exponent)
        distance = abs(decimal.Decimal(found) - exact)
        for neighbour in (math.nextafter(found, 0), math.nextafter(found, math.inf)):
            assert distance <= abs(decimal.Decimal(neighbour) - exact)


@pytest.mark.parametrize(
    ("base", "exponent", "expected"),
    [(10, -3, 1e-3), (2, 0.5, 2**0.5), (10, 308, 1e308), (10, -307, 1e-307), (0.5, -2, 4.0), (9, 0.5, 3.0)],
)
def test_exact_powers_are_exact(base: float, exponent: float, expected: float) -> None:
    assert power(base, exponent) == expected


def test_a_tie_between_two_floats_goes_to_the_even_one() -> None:
    root = 2**18 - 3  # root**3 has 54 bits and is odd: exactly between two floats.
    assert (root**3).bit_length() == 54
    assert power(root**2, 1.5) == float(Fraction(root**3))


def test_a_log_draw_is_the_power_of_its_double() -> None:
    parameter = Log(type="log", base=10, minval=-4, maxval=-1)
    assert draw(parameter, 0) == 1e-4
    assert draw(parameter, 2**127) == power(10, -2.5)


def test_what_a_trial_does_to_its_hparams_stays_there() -> None:
    shared = space({"a": {"type": "const", "val": [1]}, "b": {"type": "categorical", "vals": [[2]]}})
    drawn = draw_hparams(shared, 1, 1)
    drawn["a"].append(3)
    drawn["b"].append(3)
    assert draw_hparams(shared, 1, 1) == {"a": [1], "b": [2]}
