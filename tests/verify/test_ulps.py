"""Distances between checkpoints, counted in floats."""

import hashlib
import json

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from pedl.verify.ulps import distance


def saved(directory, **tensors):
    directory.mkdir()
    raw = {f"{at:06d}": np.frombuffer(np.asarray(a).tobytes(), np.uint8) for at, a in enumerate(tensors.values())}
    content = safetensors.numpy.save(raw)
    (directory / "tensors.safetensors").write_bytes(content)
    header = [
        {"group": "metric" if name.startswith("metric") else "model", "path": name, "dtype": np.asarray(a).dtype.name}
        for name, a in tensors.items()
    ]
    state = {"format": 1, "variables": header, "tensors_sha256": hashlib.sha256(content).hexdigest()}
    (directory / "state.json").write_text(json.dumps(state))
    return directory


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16, ml_dtypes.bfloat16])
def test_neighbours_are_one_ulp_apart_in_every_type(tmp_path, dtype):
    values = np.array([1.0, -3.0, 0.0], dtype)
    moved = np.nextafter(values, dtype(8))
    found = distance(saved(tmp_path / "a", kernel=values), saved(tmp_path / "b", kernel=moved))
    assert (found.ulps, found.tensor) == (1, "kernel")


@pytest.mark.parametrize(
    ("one", "other", "ulps"),
    [(1.0, 2.0, 2**23), (0.0, -0.0, 0), (1e-45, -1e-45, 2), (1.0, -1.0, 2 * 0x3F800000), (np.inf, 3.4028235e38, 1)],
)
def test_distances_are_counted_through_powers_and_signs(tmp_path, one, other, ulps):
    sides = [saved(tmp_path / name, bias=np.array([7, v], np.float32)) for name, v in (("a", one), ("b", other))]
    found = distance(*sides)
    assert found.ulps == ulps


def test_float64_of_opposite_signs_are_farther_apart_than_64_bits_count(tmp_path):
    sides = [saved(tmp_path / name, w=np.array(v, np.float64)) for name, v in (("a", np.inf), ("b", -np.inf))]
    assert distance(*sides).ulps == 2 * 0x7FF0000000000000


def test_the_farthest_tensor_is_named_and_metrics_and_integers_are_not_measured(tmp_path):
    one = {"a": np.float32([1]), "b": np.float32([1]), "metric": np.float32([1]), "counter": np.int64(3)}
    other = {
        "a": np.float32([1.0000001]),
        "b": np.float32([1.0000002]),
        "metric": np.float32([9]),
        "counter": np.int64(4),
    }
    found = distance(saved(tmp_path / "a", **one), saved(tmp_path / "b", **other))
    assert (found.tensor, found.ulps) == ("b", 2)
    assert distance(tmp_path / "a", tmp_path / "a").ulps == 0
    assert distance(tmp_path / "a", saved(tmp_path / "c", other=np.float32([1]))) is None
