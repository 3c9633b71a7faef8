"""A storage: a directory, or a place that fsspec reaches; what is there is whole, and read back by its hash."""

import hashlib
import json
import uuid

import fsspec
import pytest

from pedl.errors import CheckpointError, StoreError
from pedl.store.storage import Storage


@pytest.fixture
def checkpoint(tmp_path):
    directory = tmp_path / "home" / "aaaa"
    directory.mkdir(parents=True)
    (directory / "tensors.safetensors").write_bytes(b"tensors")
    tensors_sha256 = hashlib.sha256(b"tensors").hexdigest()
    state = json.dumps({"format": 1, "tensors_sha256": tensors_sha256}).encode()
    (directory / "state.json").write_bytes(state)
    return directory, hashlib.sha256(state).hexdigest()


@pytest.fixture(params=["{directory}", "file://{directory}", "local://{directory}", "memory://{name}/below"])
def storage(request, tmp_path):
    url = request.param.format(directory=tmp_path / "a place", name=uuid.uuid4().hex)
    return Storage(url, "pedl-1")


def test_what_was_put_is_fetched_byte_for_byte_and_removed(storage, checkpoint, tmp_path):
    source, sha256 = checkpoint
    storage.probe()
    assert storage.found() == set()
    storage.put(3, "aaaa", source, sha256)
    storage.put(12, "bbbb", source, sha256)
    assert storage.found() == {(3, "aaaa"), (12, "bbbb")}
    target = tmp_path / "fetched" / "aaaa"
    storage.get(3, "aaaa", target, sha256)
    for name in ("tensors.safetensors", "state.json"):
        assert (target / name).read_bytes() == (source / name).read_bytes()
    storage.remove(3, "aaaa")
    storage.remove(3, "aaaa")
    assert storage.found() == {(12, "bbbb")}
    storage.remove_all()
    assert storage.found() == set()


def test_two_experiments_share_a_place(storage, checkpoint):
    other = Storage(storage.url, "pedl-2")
    storage.put(1, "aaaa", *checkpoint)
    other.put(1, "bbbb", *checkpoint)
    storage.remove_all()
    assert other.found() == {(1, "bbbb")}


def test_damage_in_the_storage_is_noticed_and_nothing_takes_its_place(storage, checkpoint, tmp_path):
    source, sha256 = checkpoint
    storage.put(1, "aaaa", source, sha256)
    storage._files.pipe_file(f"{storage._root}/trial-1/aaaa/tensors.safetensors", b"x")
    target = tmp_path / "fetched" / "aaaa"
    with pytest.raises(CheckpointError, match=r"tensors\.safetensors is damaged: its sha256 is"):
        storage.get(1, "aaaa", target, sha256)
    assert list(target.parent.iterdir()) == []


@pytest.mark.parametrize("name", ["tensors.safetensors", "state.json"])
def test_a_checkpoint_that_is_damaged_already_is_told_and_not_copied(storage, checkpoint, name):
    source, sha256 = checkpoint
    (source / name).write_bytes(b"{")
    with pytest.raises(CheckpointError, match=rf"{name} is damaged: its sha256 is .*, recorded was"):
        storage.put(1, "aaaa", source, sha256)
    assert storage.found() == set()


def test_a_copy_that_was_cut_off_is_none(storage, checkpoint, tmp_path, monkeypatch):
    source, sha256 = checkpoint
    put_file = type(storage._files).put_file

    def cut(self, local, remote, **rest):
        if remote.endswith("state.json"):
            raise OSError("the line is dead")
        return put_file(self, local, remote, **rest)

    monkeypatch.setattr(type(storage._files), "put_file", cut)
    with pytest.raises(StoreError, match="cannot be written: OSError: the line is dead"):
        storage.put(1, "aaaa", source, sha256)
    with pytest.raises(CheckpointError, match="has no whole copy of it"):
        storage.get(1, "aaaa", tmp_path / "fetched" / "aaaa", sha256)
    assert storage.found() == {(1, "aaaa")}


def test_a_storage_that_loses_a_bit_is_not_believed(checkpoint, monkeypatch):
    source, sha256 = checkpoint
    storage = Storage(f"memory://{uuid.uuid4().hex}", "pedl-1")
    files = fsspec.filesystem("memory")

    def lossy(self, local, remote, **rest):
        files.pipe_file(remote, b"almost the same")

    monkeypatch.setattr(type(files), "put_file", lossy)
    with pytest.raises(StoreError, match="reads back with another hash"):
        storage.put(1, "aaaa", source, sha256)
