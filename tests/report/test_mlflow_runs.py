"""What MLflow has is what `describe` says, once, however often it is logged, and cut off wherever."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from pedl.errors import InputError, PedlError
from pedl.report import mlflow_runs
from pedl.report.mlflow_runs import Logged, log_to_mlflow
from tests.experiment.fake_executor import Script
from tests.report.conftest import RANDOM, Made

pytest.importorskip("mlflow", reason="MLflow comes with the extra `mlflow`")


@pytest.fixture
def uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store of files, which the small package of MLflow has, too; and no settings of the machine's."""
    for name in (*mlflow_runs._SETTINGS, "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return (tmp_path / "mlruns").as_uri()


def runs(uri: str) -> tuple[Any, dict[str, Any]]:
    """Returns a client, and all runs by the trial they are of; "" is the experiment's."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name("pedl").experiment_id
    found = client.search_runs([place])
    by_trial = {run.data.tags["pedl.trial"]: run for run in found}
    assert len(by_trial) == len(found)
    return client, by_trial


def points(client: Any, run: Any) -> dict[str, list[tuple[int, str]]]:
    histories = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return {name: [(it.step, repr(it.value)) for it in found] for name, found in histories.items()}


def described(trial: dict[str, Any]) -> dict[str, list[tuple[int, str]]]:
    found: dict[str, list[tuple[int, str]]] = {}
    for group in ("training", "validation"):
        for entry in trial[group]:
            for name, value in entry["metrics"].items():
                found.setdefault(f"{group}/{name}", []).append((entry["step"], repr(float(value))))
    return found


def check(uri: str, experiment: Any) -> None:
    client, found = runs(uri)
    whole = experiment.describe()
    assert set(found) == {"", *(str(trial["id"]) for trial in whole["trials"])}
    parent = found[""]
    assert parent.data.tags["pedl.outcome_sha256"] == whole["outcome_sha256"]
    assert parent.data.tags["pedl.experiment_seed"] == str(whole["experiment_seed"])
    assert parent.data.params["name"] == "random" and parent.info.status == "FINISHED"
    for trial in whole["trials"]:
        run = found[str(trial["id"])]
        assert points(client, run) == described(trial)
        assert run.data.params["units"] == str(trial["hparams"]["units"])
        assert float(run.data.params["optimizer.rate"]) == trial["hparams"]["optimizer"]["rate"]
        tags = {name: run.data.tags[f"pedl.{name}"] for name in ("seed", "weights_sha256")}
        assert tags == {"seed": str(trial["trial_seed"]), "weights_sha256": trial["weights_sha256"] or ""}
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.status == {"COMPLETED": "FINISHED", "ERROR": "FAILED"}[trial["state"]]


def test_runs_have_what_is_described_and_logged_again_nothing_is_there_twice(made: Made, uri: str) -> None:
    experiment = made(script=Script(fails={2: (3, "code")}, metrics={3: math.nan}))
    first = log_to_mlflow(experiment, uri)
    assert first.trials == 6 and first.points > 6 * 4
    check(uri, experiment)
    assert log_to_mlflow(experiment, uri) == Logged(uri, first.run_id, 6, 0)
    check(uri, experiment)


def test_what_was_cut_off_is_gone_on_with(made: Made, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    experiment = made()
    monkeypatch.setattr(mlflow_runs, "_MOST_METRICS", 3)
    log_batch, left = MlflowClient.log_batch, [0]

    def cut(self: Any, *args: Any, **kwargs: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        log_batch(self, *args, **kwargs)

    monkeypatch.setattr(MlflowClient, "log_batch", cut)
    for count in (0, 2, 4, 9):
        left[0] = count
        with pytest.raises(KeyboardInterrupt):
            log_to_mlflow(experiment, uri)
    left[0] = 10**6
    log_to_mlflow(experiment, uri)
    check(uri, experiment)


def test_what_goes_on_is_logged_when_it_has(made: Made, uri: str) -> None:
    experiment = made(run=False)
    assert log_to_mlflow(experiment, uri).points == 0
    assert {run.info.status for run in runs(uri)[1].values()} == {"SCHEDULED"}
    experiment.run(workers=1)
    assert log_to_mlflow(experiment, uri).points == 6 * 4 * 3
    check(uri, experiment)


def test_two_experiments_are_two_runs(made: Made, uri: str) -> None:
    assert log_to_mlflow(made(), uri).run_id != log_to_mlflow(made(), uri).run_id


def test_a_name_that_mlflow_refuses_becomes_one_that_it_takes_and_no_other(made: Made, uri: str) -> None:
    assert mlflow_runs._name("top-5 of.100: all") == "top-5 of.100: all"
    odd = ("<a>", "[a]", "ä", "x" * 300, "x" * 301, "a/b", "a//b", "/a", "a/", "../x", "..", ".", "..x", "")
    names = [mlflow_runs._name(it) for it in odd]
    assert len(set(names)) == len(odd) and all(len(it) < 250 and it.isascii() and "<" not in it for it in names)
    hparams = dict.fromkeys(odd[: odd.index("a/") + 1], 4)
    log_to_mlflow(made(hyperparameters=hparams, searcher={**RANDOM, "max_trials": 1}), uri)
    assert set(runs(uri)[1]["1"].data.params) == set(names[: len(hparams)])


def test_one_metric_may_begin_as_another_does(made: Made, uri: str, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = made(searcher={**RANDOM, "max_trials": 1})
    events = experiment.home.events(1)
    for event in events:
        if event.kind == "step":
            event.payload["metrics"] = {"acc": 0.5, "acc/top5": 0.75, "..": 1.0, "": 2.0}
    monkeypatch.setattr(experiment.home, "events", lambda _: events)
    log_to_mlflow(experiment, uri)
    metrics = runs(uri)[1]["1"].data.metrics
    assert metrics["training/acc"] == 0.5 and metrics[f"training/{mlflow_runs._name('acc/top5')}"] == 0.75


def test_what_mlflow_refuses_is_told_with_what_to_do(made: Made) -> None:
    with pytest.raises(PedlError, match=r"MLflow refused: (.|\n)*--tracking-uri URI"):
        log_to_mlflow(made(), "nonsense://here")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow's small package, as the extra installs it: without what a database needs."""
    found = mlflow_runs.find_spec
    monkeypatch.setattr(mlflow_runs, "find_spec", lambda it: None if it in ("sqlalchemy", "alembic") else found(it))


@pytest.mark.usefixtures("small")
def test_nothing_but_the_extra_is_needed_and_files_are_the_default(
    made: Made, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    experiment = made()
    assert log_to_mlflow(experiment).tracking_uri == uri
    check(uri, experiment)
    assert log_to_mlflow(experiment).points == 0
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:elsewhere")
    assert log_to_mlflow(experiment).points > 0 and (tmp_path / "elsewhere").is_dir()


@pytest.mark.usefixtures("small")
def test_a_database_without_what_it_needs_is_refused_with_what_to_do(
    made: Made, uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = made(run=False)
    refusal = r"x\.db is a database, .* sqlalchemy, alembic.*\n.*pip install mlflow\n.*--tracking-uri file:mlruns$"
    database = f"sqlite:///{tmp_path / 'x.db'}"
    with pytest.raises(InputError, match=refusal):
        log_to_mlflow(experiment, database)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", database)
    with pytest.raises(InputError, match=refusal):
        log_to_mlflow(experiment)
    assert not (tmp_path / "x.db").exists()


def test_a_missing_package_is_named(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'mlflow-skinny>=[\d.]+'$"):
        log_to_mlflow(made())
