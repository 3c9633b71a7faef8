"""Seeds are keyed, distinct, and fixed forever by their vectors."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl import seeds

VECTORS = json.loads((Path(__file__).parent / "vectors" / "seeds.json").read_text())


def test_the_vectors_belong_to_this_scheme() -> None:
    assert VECTORS["scheme"] == seeds.SCHEME


@pytest.mark.parametrize("vector", VECTORS["trial_seed"])
def test_trial_seeds_are_what_they_always_were(vector: dict[str, int]) -> None:
    assert seeds.trial_seed(vector["experiment_seed"], vector["trial"]) == vector["seed"]


@pytest.mark.parametrize("vector", VECTORS["sampler_seed"])
def test_seeds_of_samplers_are_what_they_always_were(vector: dict[str, int]) -> None:
    assert seeds.sampler_seed(vector["experiment_seed"]) == vector["seed"]


@pytest.mark.parametrize("vector", VECTORS["stream_seed"])
def test_stream_seeds_are_what_they_always_were(vector: dict[str, Any]) -> None:
    assert seeds.stream_seed(vector["trial_seed"], *vector["stream"]) == vector["seed"]


@pytest.mark.parametrize("vector", VECTORS["order_key"])
def test_order_keys_are_what_they_always_were(vector: dict[str, Any]) -> None:
    assert seeds.order_key(vector["trial_seed"], vector["epoch"]) == tuple(vector["key"])


@pytest.mark.parametrize("vector", VECTORS["graph_key"])
def test_keys_of_random_operations_are_what_they_always_were(vector: dict[str, Any]) -> None:
    assert seeds.graph_key(vector["trial_seed"], *vector["path"]) == vector["key"]


@pytest.mark.parametrize("vector", VECTORS["hparam_bits"])
def test_the_bits_of_hyperparameters_are_what_they_always_were(vector: dict[str, Any]) -> None:
    found = seeds.hparam_bits(vector["experiment_seed"], vector["trial"], vector["path"])
    assert f"{found:032x}" == vector["bits"]


def test_keyed_bits_are_blake2b_of_the_parts_with_their_lengths() -> None:
    digest = hashlib.blake2b(b"i2:42" + b"s6:hparam" + b"i1:1" + b"s2:lr", digest_size=64, person=b"pedl-1").digest()
    assert seeds.hparam_bits(42, 1, "lr") == int.from_bytes(digest[:16], "big")


@given(st.integers(0, seeds.SEED_MAX), st.integers(1, seeds.SEED_MAX - 200))
@settings(max_examples=20, deadline=None)
def test_trial_seeds_of_an_experiment_are_distinct_and_in_range(experiment_seed: int, first: int) -> None:
    found = [seeds.trial_seed(experiment_seed, number) for number in range(first, first + 200)]
    assert len(set(found)) == 200
    assert all(0 <= seed <= seeds.SEED_MAX for seed in found)


def test_parts_are_told_apart_by_type_and_length() -> None:
    keys: list[tuple[int | str, ...]] = [("a", "b"), ("ab",), ("b", "a"), (1,), ("1",), (1, 1), (11,), ("", "ab")]
    assert len({seeds.keyed_bits(64, *key) for key in keys}) == len(keys)


@pytest.mark.parametrize(("experiment_seed", "trial"), [(-1, 1), (2**31, 1), (0, 0), (0, 2**31)])
def test_a_seed_out_of_range_is_refused(experiment_seed: int, trial: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        seeds.trial_seed(experiment_seed, trial)


def test_a_fresh_experiment_seed_is_in_range_and_fresh() -> None:
    found = {seeds.fresh_experiment_seed() for _ in range(8)}
    assert len(found) > 1
    assert all(0 <= seed <= seeds.SEED_MAX for seed in found)
