"""Experiments as `describe` returns them, trained by a formula, and a real browser without a window."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import Experiment, create_experiment
from tests.experiment.conftest import configuration, definition
from tests.experiment.fake_executor import FakeExecutor, Script

__all__ = ["definition"]

SPACE = {
    "units": {"type": "categorical", "vals": [8, 16, 32]},
    "optimizer": {
        "name": {"type": "categorical", "vals": ["adam", "sgd"]},
        "rate": {"type": "log", "base": 10, "minval": -4, "maxval": -1},
    },
    "batch_size": 64,
}
RANDOM = {"name": "random", "metric": "accuracy", "smaller_is_better": False, "max_steps": 4, "max_trials": 6}
HALVING = {
    "name": "adaptive",
    "metric": "accuracy",
    "smaller_is_better": False,
    "target_trial_steps": 4,
    "step_budget": 60,
    "max_rungs": 2,
    "divisor": 2,
}

Made = Callable[..., Experiment]


@pytest.fixture
def made(tmp_path: Path, definition: Path) -> Made:
    """Makes experiments in one home: `made(searcher={...}, script=Script(...), run=False)`."""

    def make(run: bool = True, script: Script | None = None, **changes: Any) -> Experiment:
        config = configuration(**{"searcher": RANDOM, "hyperparameters": SPACE, "min_validation_period": 1, **changes})
        experiment = create_experiment(config, definition, tmp_path / "home", 7, FakeExecutor(script=script))
        if run:
            experiment.run(workers=1)
        return experiment

    return make


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """The system's Chromium, driven by Playwright."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright comes with the extra `test`")
    names = ("chromium", "chromium-browser", "google-chrome")
    found = [path for name in names if (path := shutil.which(name)) and _starts(path)]
    if not found:
        pytest.skip("there is no Chromium here (Debian's package is `chromium`)")
    # Its sandbox refuses root, which runs tests in containers; without a GPU it draws by software.
    arguments = ["--enable-unsafe-swiftshader", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_api.sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found[0], args=arguments, timeout=120_000)
        yield launched
        launched.close()


def _starts(path: str) -> bool:
    """Whether it is a browser, and not a word that there is one elsewhere, as some systems have it."""
    return subprocess.run([path, "--version"], capture_output=True).returncode == 0
