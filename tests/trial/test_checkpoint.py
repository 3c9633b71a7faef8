"""The file of tensors is what safetensors writes; the values in it are those of the moment, and not copied before."""

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

from tests.promises.light_worker import checkpoint

KINDS = {
    "nothing": [],
    "no axis": [np.float32(3), np.array(True)],
    "no values": [np.zeros((0, 3))],
    "another order": [np.arange(6).reshape(2, 3).T, np.arange(10)[::2]],
    "no dtype of NumPy's": [np.ones(3, ml_dtypes.bfloat16), np.ones((2, 2), ml_dtypes.float8_e5m2)],
    "many": [np.full(index % 7, index) for index in range(1500)],
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_of_tensors_is_what_safetensors_writes(kind, tmp_path):
    arrays = KINDS[kind]
    named = {f"{index:06d}": np.frombuffer(np.asarray(a).tobytes(), np.uint8) for index, a in enumerate(arrays)}
    expected = safetensors.numpy.save(named)
    assert b"".join(checkpoint.tensors_file(arrays)) == expected
    header = [{"dtype": array.dtype.name, "shape": list(array.shape)} for array in arrays]
    saved = checkpoint.save(tmp_path, {"a": 1}, header, arrays)
    assert (saved.path / "tensors.safetensors").read_bytes() == expected
    assert saved.size_bytes == sum(path.stat().st_size for path in saved.path.iterdir())
    state, read, values = checkpoint.load(saved.path, saved.sha256)
    assert (state, read) == ({"a": 1}, header)
    assert [(it.dtype, it.shape, it.tobytes()) for it in values] == [(a.dtype, a.shape, a.tobytes()) for a in arrays]


def values_before_and_after(run, started):
    taken = run._arrays()
    before = [it.tobytes() for it in taken]
    run.train(3)
    return [[it.tobytes() == was for it, was in zip(arrays, before, strict=True)] for arrays in (taken, run._arrays())]


@pytest.mark.parametrize("name", ["mixed", "graph"])
def test_values_that_were_taken_stay_while_training_goes_on(alone, name):
    taken, later = alone(name, ["train", 1], ["python", "tests.trial.test_checkpoint", "values_before_and_after"])[-1]
    assert all(taken)
    assert not all(later)
