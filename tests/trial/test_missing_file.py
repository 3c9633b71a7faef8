"""A file that is not there is told with the folder in which it was looked for, where its path is relative."""

from __future__ import annotations

from pathlib import Path

import pytest

from pedl.trial.missing_file import looked_for


def said(path: str) -> str:
    with pytest.raises(OSError) as caught:
        Path(path).read_bytes()
    return looked_for(caught.value)


def test_the_folder_and_the_nearest_file_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data.npz").touch()
    monkeypatch.chdir(tmp_path)
    told = said("dat.npz")
    assert told.startswith(f"dat.npz was looked for in {tmp_path}; did you mean `data.npz`?\nRelative paths are")
    assert said("sets/dat.npz").startswith(f"dat.npz was looked for in {tmp_path}/sets\n")


def test_other_errors_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(f"{tmp_path}/dat.npz") == said(".") == looked_for(FileNotFoundError("dat.npz")) == ""
