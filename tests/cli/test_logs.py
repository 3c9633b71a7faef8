"""A log that is followed: whole lines while it grows, and all that is left at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pedl.cli import logs


class Writing:
    """An experiment whose trial writes a piece of its log between two looks, and then is over."""

    def __init__(self, log: Path, *pieces: str) -> None:
        self.log, self.pieces = log, list(pieces)
        self.write()

    def write(self, _: float = 0) -> None:
        with self.log.open("a") as file:
            file.write(self.pieces.pop(0))

    @property
    def state(self) -> str:
        return "ACTIVE" if self.pieces else "COMPLETED"

    def log_file(self, trial_id: int) -> Path:
        return self.log


def test_a_followed_line_is_printed_whole_and_the_last_one_even_without_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    experiment: Any = Writing(tmp_path / "trial-1.log", "epoch 1 half", " done\nFatal er", "ror: segm")
    monkeypatch.setattr(logs.time, "sleep", experiment.write)
    logs.print_logs(experiment, 1, None, follow=True)
    assert capsys.readouterr().out == "epoch 1 half done\nFatal error: segm\n"
