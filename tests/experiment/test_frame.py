"""Trials as a table: a row for each, the same values as everywhere else."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from pedl.errors import InputError, StoreError
from pedl.experiment import Experiment, TrialResult, list_experiments
from pedl.experiment.frame import trials_frame
from pedl.experiment.significance import rank_report
from pedl.store import Home
from tests.experiment.fake_executor import FakeExecutor, Script


def result(number, hparams, metrics):
    return TrialResult(number, "COMPLETED", hparams, metrics, 7, 4, "00", None)


def test_an_experiment_has_its_trials_one_by_one_and_as_a_table(experiment):
    made = experiment(FakeExecutor())
    assert [trial.state for trial in made.trials] == ["PAUSED"] * 3
    assert [trial.metrics for trial in made.trials] == [{}] * 3
    made.run(workers=1)
    frame = made.trials_dataframe()
    assert list(frame.columns) == [
        "id", "state", "hparams.nested.rate", "hparams.units", "steps", "metrics.accuracy", "metrics.loss",
        "trial_seed", "weights_sha256",
    ]  # fmt: skip
    described = made.describe()["trials"]
    assert [trial.id for trial in made.trials] == list(frame["id"]) == [1, 2, 3]
    assert list(frame["hparams.units"]) == [trial["hparams"]["units"] for trial in described]
    assert list(frame["metrics.accuracy"]) == [it["validation"][-1]["metrics"]["accuracy"] for it in described]
    assert list(frame["weights_sha256"]) == [trial["weights_sha256"] for trial in described]
    assert made.trial(made.best_trial.id) == made.best_trial
    with pytest.raises(StoreError, match=r"There is no trial 1/4; experiment 1 has trials 1 to 3"):
        made.trial(4)


def test_what_a_trial_does_not_have_is_empty():
    frame = trials_frame([result(1, {"a": 1}, {"loss": 0.5}), result(2, {"b": {"c": "x"}}, {})])
    assert list(frame.columns)[2:6] == ["hparams.a", "hparams.b.c", "steps", "metrics.loss"]
    assert frame["metrics.loss"].isna().tolist() == [False, True]
    assert frame["hparams.b.c"].isna().tolist() == [True, False]


def test_a_metric_is_a_number_wherever_python_sees_it(experiment):
    made = experiment(FakeExecutor(script=Script(metrics={1: "NaN", 2: "-Infinity", 3: "NaN"})))
    made.run(workers=1)
    (listed,) = list_experiments(made.home)
    seen = [
        [trial.metrics["accuracy"] for trial in made.trials],
        made.trials_dataframe()["metrics.accuracy"].tolist(),
        [value for _, value in sorted((it["id"], it["value"]) for it in rank_report(made)["trials"])],
        [made.trial(1).metrics["accuracy"], made.best_trial.metrics["accuracy"], math.nan],
        [math.nan, listed["best_metrics"]["accuracy"], math.nan],
    ]
    for one, two, three in seen:
        assert math.isnan(one) and two == -math.inf and math.isnan(three)
    assert made.trial(1) == made.trials[0]
    assert made.describe()["trials"][0]["validation"][-1]["metrics"]["accuracy"] == "NaN"


def test_without_pandas_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"needs pandas, which .*\n.*pip install 'pandas>=2'$"):
        trials_frame([])


def test_an_experiment_shows_itself_and_raises_nothing(experiment):
    made = experiment(FakeExecutor())
    made.run(workers=1)
    best = made.best_trial
    said = f"Experiment 1: COMPLETED, seed 7, 3 of 3 trials done, best: 1/{best.id}, accuracy "
    assert repr(made).startswith(said)
    assert f"1/{best.id} *" in made._repr_html_()
    made.delete()
    assert repr(made) == f"Experiment 1 in {made.home.path}: cannot be read"
    odd = Experiment(1, Home(Path("/<b>x")), FakeExecutor())
    assert odd._repr_html_() == "Experiment 1 in /&lt;b&gt;x: cannot be read"


def test_a_run_shows_itself_unless_that_is_turned_off_or_somebody_else_does(experiment, capsys):
    experiment(FakeExecutor()).run(workers=1)
    assert "trial 1/1: step 4/4" in capsys.readouterr().err
    experiment(FakeExecutor()).run(workers=1, progress=False)
    experiment(FakeExecutor()).run(workers=1, on_change=lambda it: None)
    assert capsys.readouterr().err == ""
    experiment(FakeExecutor()).run(workers=1, on_change=lambda it: None, progress=True)
    assert "trial 4/1: step 4/4" in capsys.readouterr().err
