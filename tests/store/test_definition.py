"""The hash is that of names and contents; the copy is checked against it."""

import os
from pathlib import Path

import pytest

from pedl.errors import StoreError, TrialDefinitionError
from pedl.store.definition import GuardedCopy, copy_definition, definition_sha256


@pytest.fixture
def source(tmp_path):
    source = tmp_path / "source"
    (source / "nets").mkdir(parents=True)
    (source / "model_def.py").write_text("import nets.cnn\n")
    (source / "nets" / "cnn.py").write_text("x = 1\n")
    return source


def copied(source, target):
    return definition_sha256(copy_definition(source, target))


def test_neither_place_nor_mode_nor_time_nor_compiled_files_move_the_hash(source, tmp_path):
    first = copied(source, tmp_path / "a")
    (source / "__pycache__").mkdir()
    (source / "__pycache__" / "model_def.cpython-311.pyc").write_bytes(b"compiled")
    (source / "model_def.py").chmod(0o700)
    os.utime(source / "model_def.py", (1, 1))
    moved = source.rename(tmp_path / "moved")
    assert copied(moved, tmp_path / "b") == first
    assert sorted(path.name for path in (tmp_path / "b").rglob("*")) == ["cnn.py", "model_def.py", "nets"]


@pytest.mark.parametrize("change", ["content", "name", "new file"])
def test_each_content_and_each_name_moves_the_hash(source, tmp_path, change):
    first = copied(source, tmp_path / "a")
    if change == "content":
        (source / "nets" / "cnn.py").write_text("x = 2\n")
    elif change == "name":
        (source / "nets" / "cnn.py").rename(source / "nets" / "rnn.py")
    else:
        (source / "data.bin").write_bytes(b"")
    assert copied(source, tmp_path / "b") != first


def test_ignored_files_are_left_out_and_can_be_taken_back_in(source, tmp_path):
    (source / ".pedlignore").write_text("*.npz\nbig/\n!keep.npz\n")
    (source / "big").mkdir()
    (source / "big" / "model.py").write_text("")
    (source / "drop.npz").write_bytes(b"1")
    (source / "keep.npz").write_bytes(b"2")
    files = copy_definition(source, tmp_path / "copy")
    assert sorted(files) == [".pedlignore", "keep.npz", "model_def.py", "nets/cnn.py"]


def test_a_definition_that_is_one_file_becomes_a_directory_with_it(tmp_path):
    (tmp_path / "trial.py").write_text("x = 1\n")
    assert list(copy_definition(tmp_path / "trial.py", tmp_path / "copy")) == ["trial.py"]
    assert (tmp_path / "copy" / "trial.py").read_text() == "x = 1\n"


def test_links_are_followed_but_not_in_circles(source, tmp_path):
    outside = tmp_path / "shared.py"
    outside.write_text("y = 1\n")
    (source / "shared.py").symlink_to(outside)
    copy_definition(source, tmp_path / "copy")
    assert not (tmp_path / "copy" / "shared.py").is_symlink()
    (source / "nets" / "up").symlink_to(source)
    with pytest.raises(TrialDefinitionError, match="up links to a directory that contains it"):
        copy_definition(source, tmp_path / "again")


def test_what_cannot_be_copied_is_named(source, tmp_path):
    with pytest.raises(TrialDefinitionError, match="nowhere is not there"):
        copy_definition(tmp_path / "nowhere", tmp_path / "copy")
    (source / "lost").symlink_to(tmp_path / "nothing")
    with pytest.raises(TrialDefinitionError, match=r"lost is neither a file nor a directory \(a broken link"):
        copy_definition(source, tmp_path / "copy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(TrialDefinitionError, match="holds no Python file"):
        copy_definition(tmp_path / "empty", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_what_training_writes_may_vanish_and_need_be_no_file(source, tmp_path, monkeypatch):
    (source / "nets" / "deep").mkdir()
    (source / "nets" / "deep" / "net.bin").write_text("")
    copy = tmp_path / "copy"
    guarded = GuardedCopy(copy, copy_definition(source, copy))
    (copy / "gone").symlink_to("nowhere")
    (copy / "round").symlink_to(".")
    (copy / "a link").symlink_to("nets/deep")
    os.mkfifo(copy / "pipe")
    guarded.check()
    scratch = copy / "scratch.bin"
    stat = Path.stat

    def vanishing(path, **options):
        scratch.unlink(missing_ok=True)
        return stat(path, **options)

    scratch.write_bytes(b"x")
    with monkeypatch.context() as patched:
        patched.setattr(Path, "stat", vanishing)
        guarded.check()
    (copy / "nets" / "cnn.py").unlink()
    (copy / "nets" / "cnn.py").symlink_to("nowhere")
    with pytest.raises(StoreError, match=r"nets/cnn\.py is gone"):
        guarded.check()


def test_a_change_of_the_copy_is_noticed_and_named(source, tmp_path):
    copy = tmp_path / "copy"
    guarded = GuardedCopy(copy, copy_definition(source, copy))
    guarded.check()
    (copy / "cache.bin").write_bytes(b"written by training")
    guarded.check()
    (copy / "numpy.py").write_text("")
    with pytest.raises(StoreError, match=r"numpy\.py was added"):
        guarded.check()
    (copy / "nets" / "cnn.py").write_text("x = 2\n")
    with pytest.raises(StoreError, match=r"nets/cnn\.py was changed: its sha256 is .*\n.*create the experiment again"):
        guarded.check()
    (copy / "model_def.py").unlink()
    with pytest.raises(StoreError, match=r"model_def\.py is gone"):
        guarded.check()
    copy.rename(tmp_path / "away")
    with pytest.raises(StoreError, match="copy is gone"):
        guarded.check()
