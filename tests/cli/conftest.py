"""The command line in this process, on experiments whose trials are trained by a formula."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import pedl.experiment
from pedl.cli.main import cli
from tests.experiment.fake_executor import FakeExecutor

CONFIG = """\
description: digits
labels: [first]
hyperparameters:
  units: {type: int, minval: 4, maxval: 64}
  layers: 2
searcher: {name: random, metric: accuracy, smaller_is_better: false, max_steps: 4, max_trials: 3}
batches_per_step: 2
min_checkpoint_period: 1
"""


@dataclass
class Result:
    """What a command did."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


Pedl = Callable[..., Result]


@pytest.fixture
def pedl_command(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pedl:
    """Runs `pedl` with the given words in an empty directory: `pedl_command("experiment", "list")`."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as caught:
            cli(list(words), prog_name="pedl")
        out, err = capsys.readouterr()
        return Result(int(caught.value.code or 0), out, err)

    return run


@pytest.fixture
def executor(monkeypatch: pytest.MonkeyPatch) -> FakeExecutor:
    """The executor that commands use; change its `script` to make trouble."""
    fake = FakeExecutor()
    for name in ("create_experiment", "load_experiment"):
        monkeypatch.setattr(
            pedl.experiment, name, functools.partial(getattr(pedl.experiment, name), make_executor=fake)
        )
    return fake


@pytest.fixture
def inputs(tmp_path: Path) -> tuple[str, str]:
    """A configuration and a model definition, as words of a command."""
    (tmp_path / "random.yaml").write_text(CONFIG)
    (tmp_path / "md").mkdir()
    (tmp_path / "md" / "model_def.py").write_text("x = 1\n")
    return "random.yaml", "md"
