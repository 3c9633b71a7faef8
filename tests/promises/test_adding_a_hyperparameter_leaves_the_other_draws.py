"""A hyperparameter that is added changes no other draw; and where the model does not use it, no bit of any trial."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import Experiment, create_experiment
from tests.experiment.fake_executor import FakeExecutor
from tests.promises.commands import WORKLOADS
from tests.promises.shared_executor import SharedExecutor

UNITS = {"units": {"type": "int", "minval": 8, "maxval": 64}}
RATE = {"learning_rate": {"type": "log", "base": 10, "minval": -3, "maxval": -1}}
UNUSED = {"another": {"type": "double", "minval": 0, "maxval": 1}}


def created(home: Path, hyperparameters: dict[str, Any], **how: Any) -> Experiment:
    """Returns a random search with an MLP that has not run."""
    config = {
        "entrypoint": "mlp:MlpTrial",
        "hyperparameters": hyperparameters,
        "searcher": {"name": "random", "metric": "loss", "max_steps": 1, "max_trials": 2},
        "batches_per_step": 8,
        "reproducibility": {"experiment_seed": 42},
    }
    return create_experiment(config, WORKLOADS, home, **how)


def trained(home: Path, hyperparameters: dict[str, Any], executor: SharedExecutor) -> list[dict[str, Any]]:
    experiment = created(home, hyperparameters, make_executor=executor)
    experiment.run(workers=2)
    return list(experiment.describe()["trials"])


def without_unused(trial: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in trial["hparams"].items() if name not in UNUSED}


@pytest.mark.long
def test_an_unused_hyperparameter_moves_no_bit_of_any_trial(tmp_path: Path) -> None:
    executor = SharedExecutor()
    try:
        before = trained(tmp_path / "before", {**UNITS, **RATE}, executor)
        after = trained(tmp_path / "after", {**UNUSED, **RATE, **UNITS}, executor)
    finally:
        executor.close_for_good()
    for one, other in zip(before, after, strict=True):
        assert without_unused(other) == one["hparams"]
        for equal in ("trial_seed", "training", "validation", "weights_sha256", "fingerprint"):
            assert one[equal] == other[equal], equal
    assert before[0]["weights_sha256"] != before[1]["weights_sha256"]


def test_draws_that_take_turns_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: from one stream, the first draw that is added moves all that follow."""

    def hparams(home: Path, hyperparameters: dict[str, Any]) -> list[dict[str, Any]]:
        stream = random.Random(42)
        monkeypatch.setattr("pedl.search.space.hparam_bits", lambda *key: stream.getrandbits(128))
        found = created(home, hyperparameters, make_executor=FakeExecutor()).describe()["trials"]
        return [without_unused(trial) for trial in found]

    assert hparams(tmp_path / "before", {**UNITS, **RATE}) == hparams(tmp_path / "again", {**UNITS, **RATE})
    assert hparams(tmp_path / "before", {**UNITS, **RATE}) != hparams(tmp_path / "after", {**UNUSED, **UNITS, **RATE})
