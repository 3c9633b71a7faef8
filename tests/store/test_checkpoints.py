"""Damage to either file of a checkpoint is noticed without TensorFlow."""

import hashlib
import json

import pytest

from pedl.errors import CheckpointError
from pedl.files import CHECKPOINT_FORMAT
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


def test_a_format_that_is_not_ours_is_named(checkpoint):
    directory, _ = checkpoint
    state = json.dumps({"format": CHECKPOINT_FORMAT + 1, "tensors_sha256": ""}).encode()
    (directory / "state.json").write_bytes(state)
    with pytest.raises(
        CheckpointError, match=f"has format {CHECKPOINT_FORMAT + 1}, and this pedl reads {CHECKPOINT_FORMAT}"
    ):
        verify_checkpoint(directory, hashlib.sha256(state).hexdigest())


def test_another_checkpoint_is_told_from_a_damaged_one(checkpoint):
    directory, sha256 = checkpoint
    (directory / "state.json").write_text(json.dumps({"format": CHECKPOINT_FORMAT, "tensors_sha256": "00"}))
    with pytest.raises(CheckpointError, match=r"state\.json is of another checkpoint: its sha256 is .*, recorded was"):
        verify_checkpoint(directory, sha256)
