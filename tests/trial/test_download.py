"""`download_data` is called once per machine, and moves nothing in the trial that happens to call it."""

import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pedl.errors import TrialDefinitionError
from pedl.trial.download import download


def trial(function: Any, hparams: dict[str, Any]) -> Any:
    context = SimpleNamespace(experiment_config={"data": {}})
    return SimpleNamespace(download_data=function, context=context, hparams=hparams)


def test_who_calls_it_goes_on_as_who_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    drawn = []

    def download_data(experiment_config: Any, hparams: Any) -> Path:
        drawn.append((random.random(), np.random.random()))
        return tmp_path

    following = []
    for hparams in ({"a": 1}, {"a": 1}, {"a": 2}):
        random.seed(3)
        np.random.seed(3)
        assert download(trial(download_data, hparams)) == tmp_path
        following.append((random.random(), np.random.random()))
    assert len(drawn) == 2 and drawn[0] == drawn[1]
    assert len(set(following)) == 1


def test_what_is_no_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(TrialDefinitionError, match="returned None, expected the directory that it has filled"):
        download(trial(lambda: None, {}))
    without: Any = SimpleNamespace()
    assert download(without) is None
