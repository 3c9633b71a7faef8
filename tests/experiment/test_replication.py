"""Replications report what each stream causes, and ranks say whether the best is better than that."""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

import pytest

from pedl.errors import InputError, StoreError
from pedl.experiment import replication, significance
from pedl.experiment.replication import replicate, replication_report
from pedl.experiment.significance import rank_report
from tests.experiment.fake_executor import FakeExecutor, Script
from tests.search.schedules import SEARCHERS


def replicated(one: Any, trial: int, values: list[Any], vary: tuple[str, ...] = ("order",)) -> Any:
    """Replicates a trial, with the accuracy of each replication, and that of the trial first."""
    executor = one.make_executor
    executor.script = Script(metrics=dict(enumerate(values, start=1)))
    made = replicate(one, trial, 2, vary)
    made.run()
    return made


def test_a_replication_is_an_experiment_with_its_provenance_and_the_trial_itself_first(experiment: Any) -> None:
    executor = FakeExecutor()
    one = experiment(executor)
    one.run()
    started = len(executor.started)
    made = replicate(one, 2, 2, ("init", "dropout"))
    made.run()
    original, described = one.describe()["trials"][1], made.describe()
    searcher = described["config"]["searcher"]
    assert (searcher["of"], searcher["trial_seed"], searcher["targets"]) == ("1/2", original["trial_seed"], [4])
    assert described["model_definition_sha256"] == one.describe()["model_definition_sha256"]
    first = described["trials"][0]
    assert all(first[name] == original[name] for name in ("hparams", "trial_seed", "weights_sha256", "training"))
    tasks = [task["streams"] for task in executor.started[started:] if task["kind"] == "train"]
    groups = [set(), {"init"}, {"init"}, {"dropout"}, {"dropout"}, {"init", "dropout"}, {"init", "dropout"}]
    assert [set(streams) for streams in tasks] == groups
    assert made.state == "COMPLETED"


def test_mean_spread_and_shares_are_those_of_each_stream(experiment: Any) -> None:
    one = experiment()
    one.run()
    made = replicated(one, 1, [0.5, 0.2, 0.4, 0.6, 0.9, 0.1, 0.7], ("init", "order"))
    report = replication_report(made.describe())
    assert report is not None
    assert [(group["streams"], group["values"]) for group in report["groups"]] == [
        (["init"], [0.2, 0.4]), (["order"], [0.6, 0.9]), (["init", "order"], [0.1, 0.7])
    ]  # fmt: skip
    assert report["groups"][0]["mean"] == statistics.fmean([0.2, 0.4])
    assert report["groups"][0]["spread"] == statistics.stdev([0.2, 0.4])
    init, order = statistics.variance([0.2, 0.4]), statistics.variance([0.6, 0.9])
    assert report["shares"] == {"init": init / (init + order), "order": order / (init + order)}
    assert (report["of"], report["original"]) == ("1/1", 0.5)
    assert replication_report(one.describe()) is None


def test_replications_that_failed_or_are_no_numbers_are_left_out(experiment: Any) -> None:
    one = experiment()
    one.run()
    report = replication_report(replicated(one, 1, [0.5, "NaN", 0.4]).describe())
    assert report is not None and report["groups"][0]["values"] == [0.4]
    assert (report["groups"][0]["spread"], report["shares"]) == (None, None)


def test_what_cannot_be_replicated_is_refused(experiment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = experiment(FakeExecutor(script=Script(fails={1: (1, "code")})))
    with pytest.raises(InputError, match="Trial 1/2 has no end to compare with"):
        replicate(one, 2, 2)
    one.run()
    with pytest.raises(InputError, match="Trial 1/1 has no end"):
        replicate(one, 1, 2)
    with pytest.raises(StoreError, match="There is no trial 1/9; experiment 1 has trials 1 to 3"):
        replicate(one, 9, 2)
    population = experiment(searcher={**SEARCHERS["pbt"], "metric": "accuracy"})
    population.run()
    with pytest.raises(InputError, match=r"Trial 2/7 is a clone, which started from trial \d"):
        replicate(population, 7, 2)


def test_streams_that_layers_share_are_not_told_apart(experiment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = experiment()
    one.run()
    fold = replication.fold

    def audited(events: Any) -> Any:
        state = fold(events)
        state.trials[1].started["audit"] = [{"kind": "running_stream", "where": "layer 'dense'", "message": ""}]
        return state

    monkeypatch.setattr(replication, "fold", audited)
    with pytest.raises(InputError, match=r"running stream \(layer 'dense'\).*Vary both"):
        replicate(one, 1, 2, ("init", "order"))
    assert replicate(one, 1, 2, ("init", "dropout")).state == "PAUSED"
    assert replicate(one, 1, 2, ("order",)).state == "PAUSED"


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (None, None, "unknown"),
        ([0.9, 0.90, 0.91], None, "best"),
        ([0.9, 0.80, 0.95], None, "noise"),
        (None, [0.6, 0.60, 0.61], "best"),
        ([0.9, 0.90, 0.91], [0.6, 0.60, 0.61], "best"),
        ([0.9, 0.90, 0.91], [0.6, 0.30, 0.97], "noise"),
        ([0.9, 0.60, 0.61], [0.6, 0.90, 0.91], "noise"),
    ],
)
def test_the_best_trial_is_better_only_beyond_the_noise(
    experiment: Any, first: list[float] | None, second: list[float] | None, verdict: str
) -> None:
    one = experiment(FakeExecutor(script=Script(metrics={1: 0.6, 2: 0.9, 3: 0.1})))
    one.run()
    for trial, values in ((2, first), (1, second)):
        if values is not None:
            replicated(one, trial, values)
    report = rank_report(one)
    assert [trial["id"] for trial in report["trials"]] == [2, 1, 3]
    assert report["verdict"] == verdict


@pytest.mark.parametrize("worse", ["NaN", [0.1, 0.2]])
def test_what_is_no_number_is_neither_better_nor_noise(experiment: Any, worse: Any) -> None:
    one = experiment(FakeExecutor(script=Script(metrics={1: worse, 2: 0.9, 3: worse})))
    one.run()
    replicated(one, 2, [0.9, 0.8, 0.95])
    report = rank_report(one)
    assert (report["verdict"], report["t"], [trial["id"] for trial in report["trials"]]) == ("unknown", None, [2, 1, 3])
    replicated(one, 1, [0.6, 0.3, 0.31])
    assert rank_report(one)["verdict"] == "noise"  # their replications have numbers


def test_a_rank_is_of_one_moment_while_the_experiment_runs(experiment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    one = experiment()
    before = one.describe()
    one.run()
    monkeypatch.setattr(one, "describe", lambda: before)
    assert len(rank_report(one)["trials"]) == 3


ALL = ("init", "order", "dropout")
QUIET = [0.9, 0.90, 0.91, 0.90, 0.91, 0.90, 0.91, 0.90, 0.91]
"""Of a replication that varies all streams: the trial, two for each stream, and two for all."""


def compared(experiment: Any) -> Any:
    one = experiment(FakeExecutor(script=Script(metrics={1: 0.6, 2: 0.9, 3: 0.1})))
    one.run()
    return one


def test_a_verdict_rests_on_the_replications_that_vary_most_and_names_their_streams(experiment: Any) -> None:
    one = compared(experiment)
    assert rank_report(one)["streams"] == []
    replicated(one, 2, [0.9, 0.30, 0.97])
    report = rank_report(one)
    assert (report["verdict"], report["streams"]) == ("noise", ["order"])
    replicated(one, 2, QUIET, ALL)
    replicated(one, 2, [0.9, 0.20, 0.98], ("order",))  # newer, and says nothing of the other streams
    replicated(one, 1, [0.6, 0.30, 0.97], ("init",))  # of the other trial, but of other noise
    report = rank_report(one)
    assert (report["verdict"], report["streams"]) == ("best", list(ALL))
    assert [trial["replications"] and trial["replications"]["experiment"] for trial in report["trials"]] == [
        3, None, None
    ]  # fmt: skip


def test_what_a_replication_repeats_is_known_by_its_configuration_and_by_no_description(experiment: Any) -> None:
    one = compared(experiment)
    config = replicated(one, 2, QUIET, ALL).describe()["config"]
    searcher = config["searcher"]
    replicated(one, 2, QUIET, ALL)
    one.home.delete(2)
    one.make_executor.script = Script(metrics=dict(enumerate([0.9, 0.1, 0.99] * 3, start=1)))
    for changes in (
        {"searcher": {**searcher, "trial_seed": searcher["trial_seed"] + 1}},
        {"hyperparameters": {**config["hyperparameters"], "units": {"type": "const", "val": 3}}},
        {"searcher": {**searcher, "of": "9/2"}},
    ):
        experiment(one.make_executor, **{**config, **changes}).run()
    assert rank_report(one)["trials"][0]["replications"]["experiment"] == 3
    one.make_executor.script = Script(metrics=dict(enumerate(QUIET, start=1)))
    experiment(one.make_executor, **{**config, "description": "by hand"}).run()
    assert rank_report(one)["trials"][0]["replications"]["experiment"] == 7


def values_of(chance: random.Random, count: int) -> dict[str, Any]:
    values = [chance.gauss(0, 1) for _ in range(count)]
    return {"values": values, "mean": statistics.fmean(values), "spread": statistics.stdev(values)}


@pytest.mark.parametrize("count", [2, 3, 5])
@pytest.mark.parametrize(("both", "limit"), [(True, 0.025), (False, 0.05)])
def test_trials_that_do_not_differ_are_told_apart_in_at_most_5_of_100_cases(
    count: int, both: bool, limit: float
) -> None:
    """The cases are always the same 10,000; in others a right limit were passed once in a thousand times."""
    chance, cases = random.Random(42), 10_000
    wrong = 0
    for _ in range(cases):
        results = sorted(chance.gauss(0, 1) for _ in range(2))
        groups = [values_of(chance, count), values_of(chance, count) if both else None]
        trials = [{"value": value, "replications": group} for value, group in zip(results, groups, strict=True)]
        wrong += significance._verdict(trials, 1)["verdict"] == "best"
    assert wrong / cases <= limit + 3.1 * math.sqrt(limit * (1 - limit) / cases)


def test_the_test_is_welchs() -> None:
    groups = [
        {"mean": statistics.fmean(values), "spread": statistics.stdev(values), "values": values}
        for values in ([27.5, 21.0, 19.0, 23.6, 17.0], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5])
    ]
    t, freedom = significance._welch(groups, 1)
    one, other = ([27.5, 21.0, 19.0, 23.6, 17.0], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5])
    error = math.sqrt(statistics.variance(one) / 5 + statistics.variance(other) / 6)
    assert math.isclose(t, (statistics.fmean(other) - statistics.fmean(one)) / error)
    assert 4 <= freedom <= 9
    assert significance._ratio(1.0, 0.0) == math.inf and significance._ratio(0.0, 0.0) == 0.0
