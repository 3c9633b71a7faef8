"""Damage to either file of a checkpoint is noticed without TensorFlow."""

import hashlib
import json

import pytest

from pedl.errors import CheckpointError
from pedl.store import ExperimentPaths
from pedl.store.checkpoints import remove_litter, verify_checkpoint


@pytest.fixture
def checkpoint(tmp_path):
    directory = ExperimentPaths(tmp_path, 1).checkpoint(1, "aaaa")
    directory.mkdir(parents=True)
    (directory / "tensors.safetensors").write_bytes(b"tensors")
    state = json.dumps({"format": 1, "tensors_sha256": hashlib.sha256(b"tensors").hexdigest()}).encode()
    (directory / "state.json").write_bytes(state)
    return directory, hashlib.sha256(state).hexdigest()


def test_a_whole_checkpoint_passes(checkpoint):
    verify_checkpoint(*checkpoint)


@pytest.mark.parametrize("name", ["state.json", "tensors.safetensors"])
def test_one_flipped_bit_or_a_missing_file_is_noticed(checkpoint, name):
    directory, sha256 = checkpoint
    content = bytearray((directory / name).read_bytes())
    content[-1] ^= 1
    (directory / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=f"{name} is damaged: its sha256 is .*, recorded was"):
        verify_checkpoint(directory, sha256)
    (directory / name).unlink()
    with pytest.raises(CheckpointError, match=f"{name} cannot be read: No such file"):
        verify_checkpoint(directory, sha256)


def test_litter_is_removed_and_what_is_kept_stays(checkpoint, tmp_path):
    directory, _ = checkpoint
    (directory.parent / ".bbbb.partial").mkdir()
    (directory.parent / "cccc").mkdir()
    remove_litter(ExperimentPaths(tmp_path, 1), 1, {"aaaa"})
    assert [path.name for path in directory.parent.iterdir()] == ["aaaa"]
    remove_litter(ExperimentPaths(tmp_path, 1), 2, set())
