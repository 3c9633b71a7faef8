"""What trials write is what the store reads: names, format and the way to disk are said once."""

from pathlib import Path

import pytest

from pedl.files import appears, write_synced

PEDL = Path(__file__).parents[1] / "pedl"


@pytest.mark.parametrize(
    "words", ['"state.json"', '"tensors.safetensors"', "os.O_RDONLY)\n    try:\n        os.fsync("]
)
def test_the_files_of_a_checkpoint_and_the_sync_of_a_directory_are_said_once(words):
    found = [path.relative_to(PEDL) for path in PEDL.rglob("*.py") if words in path.read_text()]
    assert found == [Path("files.py")]


def test_trials_write_the_format_that_the_store_reads():
    from pedl.store import checkpoints
    from pedl.trial import checkpoint

    assert checkpoint.CHECKPOINT_FORMAT is checkpoints.CHECKPOINT_FORMAT


@pytest.mark.parametrize("fails", ["body", "rename"])
def test_a_directory_appears_whole_or_not_at_all(tmp_path, monkeypatch, fails):
    def broken(*_):
        raise OSError("no")

    if fails == "rename":
        monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(OSError, match="no"), appears(tmp_path / "there") as directory:
        (directory / "one").write_text("1")
        if fails == "body":
            broken()
    assert list(tmp_path.iterdir()) == []


def test_all_is_synced_before_it_appears(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr("pedl.files.sync_file", lambda path: told.append(path.name))
    monkeypatch.setattr("pedl.files.sync_directory", lambda path: told.append(path.name))
    rename = Path.rename
    monkeypatch.setattr(Path, "rename", lambda path, target: told.append("renamed") or rename(path, target))
    with appears(tmp_path / "there") as directory:
        (directory / "within").mkdir()
        (directory / "within" / "two").write_text("2")
        (directory / "one").write_text("1")
        aside = directory.name
    assert set(told[:4]) == {"one", aside, "two", "within"} and told[4:] == ["renamed", tmp_path.name]
    assert (tmp_path / "there" / "within" / "two").read_text() == "2"


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_what_exists_is_not_replaced(tmp_path, make):
    make(tmp_path / "there")
    with pytest.raises(FileExistsError), appears(tmp_path / "there") as directory:
        (directory / "one").write_text("1")
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


def test_a_file_is_absent_or_whole(tmp_path, monkeypatch):
    write_synced(tmp_path / "one", b"before")

    def broken(_):
        raise OSError("no")

    monkeypatch.setattr("pedl.files.sync_file", broken)
    with pytest.raises(OSError, match="no"):
        write_synced(tmp_path / "one", b"after")
    assert (tmp_path / "one").read_bytes() == b"before"
