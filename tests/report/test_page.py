"""What the page says: the same bytes each time, what was verified and no more, and what is missing by name."""

from __future__ import annotations

import builtins
import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

from pedl.errors import InputError
from pedl.report import charts, report_page
from pedl.report.importance import importance
from pedl.report.results import Results, Series
from pedl.verify.last import keep, last_certificate, verify_and_certify
from tests.experiment.fake_executor import Script
from tests.report.conftest import HALVING, Made


def page(experiment: Any) -> str:
    """Returns the page without its scripts."""
    whole = report_page(experiment.describe(), last_certificate(experiment))
    return re.sub(r"<script>.*?</script>", "", whole, flags=re.DOTALL)


def test_the_same_experiment_has_the_same_bytes(made: Made) -> None:
    experiment = made()
    one, other = (report_page(experiment.describe()) for _ in range(2))
    assert one == other
    assert one != report_page(made(reproducibility={"experiment_seed": 8}).describe())


def test_the_page_says_what_was_verified_and_no_more(made: Made) -> None:
    experiment = made()
    assert "Not verified yet. Run it again and compare: <code>pedl experiment verify 1</code>" in page(experiment)
    experiment.verify(1, [2])
    assert "Verified: identical." in page(experiment) and "in part" in page(experiment)
    assert "Trials that were not run again: 1, 3 to 6." in page(experiment)
    experiment.verify(1)
    whole = page(experiment)
    assert "Verified: identical.</strong> It was run again" in re.sub(r"\s+", " ", whole) and "in full" in whole
    assert "trials trained again" in whole and "not run again" not in whole
    experiment.verify(1, [2])
    assert page(experiment) == whole, "a part that is identical takes nothing from the whole"


def test_a_difference_takes_the_place_of_what_was_identical(made: Made) -> None:
    experiment = made()
    experiment.verify(1)
    _, content = verify_and_certify(experiment, 1, [1])
    keep(experiment, {**content, "identical": False})
    with pytest.raises(InputError, match=r"not as it was written.*\nVerify again, .*: pedl --home .* verify 1$"):
        last_certificate(experiment)
    experiment.verify(1)
    assert "in full" in page(experiment), "what is damaged is replaced"


def test_a_difference_stays_until_its_trial_is_run_again(made: Made) -> None:
    experiment = made(script=Script(differs_when_repeated={3: "step"}))
    assert not experiment.verify(1).identical
    found = page(experiment)
    assert experiment.verify(1, [1, 2]).identical
    assert page(experiment) == found and "DIFFERS" in found.upper()
    experiment.make_executor.script = Script()
    assert experiment.verify(1, [3]).identical
    assert "Verified: identical." in page(experiment) and "in part" in page(experiment)


def test_a_damaged_certificate_takes_its_own_place_and_not_the_pages(made: Made, tmp_path: Path) -> None:
    experiment = made()
    experiment.verify(1)
    kept = experiment.home.paths(experiment.id).last_verification
    for damage in (kept.read_bytes().replace(b'"identical": true', b'"identical": false', 1), b"{", b"\xff", b"[]"):
        kept.write_bytes(damage)
        experiment.report(tmp_path / "page.html")
        text = (tmp_path / "page.html").read_text()
        assert "The experiment was verified, and what came out of it cannot be read:" in text
        assert "last_verification.json is no" in text
        again = f"Verify again, which replaces it: pedl --home {experiment.home.path} experiment verify 1</p>"
        assert again in re.sub(r"\s+</p>", "</p>", text)
        assert "Not verified yet" not in text and "Verified: identical" not in text


def test_what_came_after_a_verification_was_not_verified(made: Made) -> None:
    experiment = made(run=False)

    def run_until(step: int) -> None:
        def pausing(running: Any) -> None:
            if running.describe()["trials"][0]["steps_completed"] >= step:
                experiment.home.request(1, "pause", {})

        experiment.run(workers=1, on_change=pausing)

    gone_on = "later results are not verified"
    run_until(1)
    assert experiment.verify(1).identical and gone_on not in page(experiment)
    run_until(3)
    assert experiment.outcome_sha256 is None and gone_on in page(experiment)
    assert experiment.verify(1).identical and gone_on not in page(experiment)
    experiment.run(workers=1)
    assert gone_on in page(experiment)


def test_trials_that_failed_or_are_not_finite_are_in_the_table_and_in_no_chart(made: Made) -> None:
    experiment = made(script=Script(fails={1: (2, "code")}, metrics={2: float("nan")}))
    results = Results(experiment.describe())
    assert [trial["id"] for trial in results.ranked].count(1) == 0 and len(results.ranked) == 4
    assert [it.trial_id for it in results.series("validation", "accuracy")] == [1, 3, 4, 5, 6]
    text = page(experiment)
    assert '<span class="state error">ERROR</span>' in text and "NaN" in text


def test_rungs_have_a_table(made: Made) -> None:
    assert "Promoted" in page(made(searcher=HALVING))
    assert "Promoted" not in page(made())


def test_importance_is_computed_or_says_why_not(made: Made) -> None:
    found = importance(Results(made().describe()))
    assert isinstance(found, dict) and set(found) == {"units", "optimizer.name", "optimizer.rate"}
    assert found == importance(Results(made().describe()))
    assert sum(found.values()) == pytest.approx(1) and list(found.values()) == sorted(found.values(), reverse=True)
    same = made(script=Script(metrics=dict.fromkeys(range(1, 7), 0.5)))
    assert "all trials have the same accuracy" in str(importance(Results(same.describe())))
    few = made(searcher={**made().config.to_dict()["searcher"], "max_trials": 3})
    assert "it takes 4 trials with a result" in str(importance(Results(few.describe())))
    assert "no hyperparameter differs" in str(importance(Results(made(hyperparameters={"units": 4}).describe())))


def test_what_differs_only_in_trials_without_a_result_has_no_importance(made: Made) -> None:
    described = made().describe()
    for trial in described["trials"]:
        trial["hparams"] = {"units": 8, "layers": 2 if trial["id"] > 1 else 3}
    described["trials"][0]["state"] = "ERROR"
    assert "the trials with a result have no hyperparameter that differs" in str(importance(Results(described)))
    described["trials"][1]["hparams"]["units"] = 16
    assert importance(Results(described)) == {"units": 1.0}
    assert "layers" in report_page(described)


def test_a_choice_of_null_is_a_value_and_none_that_lacks(made: Made) -> None:
    described = made(searcher={**made().config.to_dict()["searcher"], "max_trials": 12}).describe()
    for number, trial in enumerate(described["trials"]):
        trial["hparams"] = {"clip": None if number % 2 else 1.0, "rate": (number * 5) % 7}
        trial["validation"][-1]["metrics"]["accuracy"] = 0.5 + 0.3 * (number % 2)
    found = importance(Results(described))
    assert isinstance(found, dict) and next(iter(found)) == "clip"
    for trial in described["trials"][:3]:
        del trial["hparams"]["rate"]
    assert importance(Results(described)) == {"clip": 1.0}
    axes = {it["label"]: it["ticktext"] for it in charts.coordinates(Results(described))["data"][0]["dimensions"]}
    assert axes["clip"] == ["1.0", "null"] and axes["rate"][0] == "(absent)"


def test_what_decides_comes_out_as_important(made: Made) -> None:
    described = made(searcher={**made().config.to_dict()["searcher"], "max_trials": 12}).describe()
    for trial in described["trials"]:
        trial["validation"][-1]["metrics"]["accuracy"] = 0.1 * trial["hparams"]["units"]
    found = importance(Results(described))
    assert isinstance(found, dict) and next(iter(found)) == "units"


def test_optuna_tells_of_the_callers_studies_afterwards_as_before(
    made: Made, capfd: pytest.CaptureFixture[str]
) -> None:
    optuna = pytest.importorskip("optuna")
    results = Results(made().describe())
    before = optuna.logging.get_verbosity()
    try:
        optuna.logging.set_verbosity(optuna.logging.INFO)
        assert isinstance(importance(results), dict) and optuna.logging.get_verbosity() == optuna.logging.INFO
    finally:
        optuna.logging.set_verbosity(before)
    assert "study" not in capfd.readouterr().err


def test_long_curves_are_thinned_and_keep_their_last_point() -> None:
    steps = tuple(range(1, 1002))
    thin = charts.thinned(Series(1, steps, tuple(float(step) for step in steps)))
    assert len(thin.steps) <= charts.MOST_POINTS + 1 and thin.steps[-1] == 1001 and thin.values[-1] == 1001.0
    short = Series(1, (1, 2), (0.5, 0.25))
    assert charts.thinned(short) == short


def test_with_many_trials_the_best_curves_are_drawn_and_the_page_says_so(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "MOST_CURVES", 2)
    results = Results(made().describe())
    drawn = charts.drawn_series(results, "validation", "accuracy")
    assert {it.trial_id for it in drawn} == {trial["id"] for trial in results.ranked[:2]}
    assert "The curves of the 2 best trials are drawn, of 6." in report_page(results.described)


def test_with_many_trials_and_few_results_the_first_curves_are_drawn_and_the_page_says_so(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charts, "MOST_CURVES", 3)
    described = made().describe()
    for trial in described["trials"]:
        if trial["id"] != 5:
            trial["validation"] = []
    described["best_trial"] = 5
    assert [it.trial_id for it in charts.drawn_series(Results(described), "training", "loss")] == [1, 2, 5]
    assert "At most 3 curves are drawn, of 6 trials: of those with a result, and then" in report_page(described)
    described["trials"][4]["validation"] = []
    described["best_trial"] = None
    assert [it.trial_id for it in charts.drawn_series(Results(described), "training", "loss")] == [1, 2, 3]
    assert "No trial has a result yet: the curves of the first 3 trials are drawn, of 6." in report_page(described)


def test_a_metric_without_a_number_is_named_and_has_no_empty_chart(made: Made) -> None:
    described = made().describe()
    for trial in described["trials"]:
        for entry in trial["validation"]:
            entry["metrics"] = {"accuracy": "NaN"}
    text = report_page(described)
    assert "No curve of accuracy (validation): none of its values is a number that can be drawn." in text
    assert "accuracy (validation)</option>" not in text and "loss (training)</option>" in text
    for trial in described["trials"]:
        trial["training"] = []
    assert '<select id="metric">' not in report_page(described) and "<script>" not in report_page(described)


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "plotly" else find(name))
    with pytest.raises(InputError, match=r"needs plotly, .*\n.*pip install 'jinja2>=.*' 'optuna>=.*' 'plotly>=.*'$"):
        report_page(made().describe())


def test_the_page_needs_no_tensorflow(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    load = builtins.__import__

    def refuse(name: str, *rest: Any, **more: Any) -> Any:
        assert name.split(".")[0] not in ("tensorflow", "keras", "torch", "sklearn"), name
        return load(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", refuse)
    report_page(made().describe())
