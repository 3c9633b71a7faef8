"""Replications report what each stream causes, and ranks say whether the best is better than that."""

from __future__ import annotations

import math
import random
import statistics
from typing import Any

import pytest

from pedl.errors import InputError, StoreError
from pedl.experiment import significance
from pedl.experiment.replication import replicate
from pedl.experiment.significance import rank_report
from tests.experiment.fake_executor import FakeExecutor, Script
from tests.search.schedules import SEARCHERS

ALL = ("init", "order", "dropout")


def replicated(one: Any, trial: int, values: list[Any], vary: tuple[str, ...] = ("order",)) -> Any:
    """Replicates a trial, with the accuracy of each replication, and that of the trial first."""
    executor = one.make_executor
    executor.script = Script(metrics=dict(enumerate(values, start=1)))
    made = replicate(one, trial, 2, vary)
    made.run()
    return made


def differing(one: Any, trial: int) -> Any:
    """Replicates a trial, and the first replication ends with other weights."""
    one.make_executor.script = Script(differs_when_repeated={1: "done"})
    made = replicate(one, trial, 2, ("order",))
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
    report = made.describe()["replication"]
    assert [(group["streams"], group["values"]) for group in report["groups"]] == [
        (["init"], [0.2, 0.4]), (["order"], [0.6, 0.9]), (["init", "order"], [0.1, 0.7])
    ]  # fmt: skip
    assert report["groups"][0]["mean"] == statistics.fmean([0.2, 0.4])
    assert report["groups"][0]["spread"] == statistics.stdev([0.2, 0.4])
    init, order = statistics.variance([0.2, 0.4]), statistics.variance([0.6, 0.9])
    assert report["shares"] == {"init": init / (init + order), "order": order / (init + order)}
    assert (report["of"], report["original"], report["identical"]) == ("1/1", 0.5, True)
    assert one.describe()["replication"] is None


def test_replications_that_failed_or_are_no_numbers_are_left_out(experiment: Any) -> None:
    one = experiment()
    one.run()
    report = replicated(one, 1, [0.5, "NaN", 0.4]).describe()["replication"]
    assert report["groups"][0]["values"] == [0.4]
    assert (report["groups"][0]["spread"], report["shares"]) == (None, None)


def test_there_are_no_shares_where_one_stream_has_no_spread(experiment: Any) -> None:
    one = experiment()
    one.run()
    made = replicated(one, 1, [0.5, 0.2, 0.4, 0.6, "NaN", 0.1, 0.7], ("init", "order"))
    report = made.describe()["replication"]
    assert [len(group["values"]) for group in report["groups"]] == [2, 1, 2]
    assert report["shares"] is None


def test_a_replication_that_is_not_over_tells_what_there_is(experiment: Any) -> None:
    one = experiment()
    one.run()
    report = replicate(one, 1, 2).describe()["replication"]
    assert [len(group["values"]) for group in report["groups"]] == [0, 0, 0, 0]
    assert (report["identical"], report["original"], report["shares"]) == (None, None, None)


def test_a_replication_tells_whether_it_ended_with_the_weights_of_the_trial(experiment: Any) -> None:
    one = experiment()
    one.run()
    made = differing(one, 1)
    one.home.delete(1)  # what it ended with stands in the replication, too
    assert made.describe()["replication"]["identical"] is False


def test_what_cannot_be_replicated_is_refused(experiment: Any) -> None:
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
    made = replicated(one, 2, [0.5] * 7, ("init", "order"))
    with pytest.raises(InputError, match="Trial 3/7 is a replication of 1/2, with other seeds of init and order; rep"):
        replicate(made, 7, 2)
    assert replicate(made, 1, 2).state == "PAUSED"


RUNNING = Script(audit=[{"kind": "running_stream", "where": "layer 'dense'", "message": ""}])


@pytest.mark.parametrize(
    ("script", "told"),
    [
        (RUNNING, r"draw from a running stream \(layer 'dense'\).*Vary both, or make these layers with self.seeded"),
        (Script(graph=True), "builds a graph.*Vary both, or order alone"),
    ],
    ids=["running", "graph"],
)
def test_streams_that_a_trial_does_not_keep_apart_are_one(experiment: Any, script: Script, told: str) -> None:
    one = experiment(FakeExecutor(script=script))
    one.run()
    for vary in (("init", "order"), ("dropout",)):
        with pytest.raises(InputError, match=told):
            replicate(one, 1, 2, vary)
    made = replicated(one, 1, [0.5, 0.2, 0.4, 0.6, 0.9, 0.1, 0.7], ALL)
    assert [set(trial["streams"]) for trial in made.describe()["trials"]] == [
        set(), *[{"init", "dropout"}] * 2, *[{"order"}] * 2, *[set(ALL)] * 2
    ]  # fmt: skip
    report = made.describe()["replication"]
    assert [group["streams"] for group in report["groups"]] == [["init", "dropout"], ["order"], list(ALL)]
    joint, order = statistics.variance([0.2, 0.4]), statistics.variance([0.6, 0.9])
    assert report["shares"] == {"init,dropout": joint / (joint + order), "order": order / (joint + order)}
    alone = replicated(one, 1, [0.5, 0.2, 0.4], ("order",))
    assert [group["streams"] for group in alone.describe()["replication"]["groups"]] == [["order"]]


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (None, None, "unknown"),
        ([0.9, 0.90, 0.91], None, "best"),
        ([0.9, 0.80, 0.95], None, "noise"),
        ([0.9, 0.50, 0.51], None, "noise"),  # it was lucky
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


QUIET = [0.9, 0.90, 0.91, 0.90, 0.91, 0.90, 0.91, 0.90, 0.91]
"""Of a replication that varies all streams: the trial, two for each stream, and two for all."""


def test_what_trials_wrote_beside_the_code_is_no_part_of_a_replication(experiment: Any) -> None:
    one = compared(experiment)
    (one.home.paths(one.id).model_definition / "log.csv").write_text("written by a trial")
    made = replicated(one, 2, QUIET, ALL)
    assert made.describe()["model_definition_sha256"] == one.describe()["model_definition_sha256"]
    assert rank_report(one)["verdict"] == "best"
    (one.home.paths(one.id).model_definition / "model_def.py").unlink()
    with pytest.raises(StoreError, match=r"model_def\.py is gone"):
        replicate(one, 2, 2)


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
        3, 5, None
    ]  # fmt: skip
    assert report["trials"][1]["replications"]["streams"] == ["init"]  # shown, and not compared


def test_a_thinner_replication_replaces_no_other(experiment: Any) -> None:
    one = compared(experiment)

    def counted() -> int:
        return rank_report(one)["trials"][0]["replications"]["experiment"]

    one.make_executor.script = Script(metrics=dict(enumerate([0.9, 0.90, 0.91, 0.92], start=1)))
    replicate(one, 2, 3, ("order",)).run()
    replicated(one, 2, [0.9, 0.30, 0.97])
    assert counted() == 2
    one.make_executor.script = Script(metrics=dict(enumerate([0.9, 0.90, 0.91, 0.94], start=1)))
    replicate(one, 2, 3, ("order",)).run()
    assert counted() == 4


def test_a_replication_that_did_not_reproduce_its_trial_is_left_out_and_named(experiment: Any) -> None:
    one = compared(experiment)
    differing(one, 2)
    one.make_executor.script = Script(fails={1: (1, "code")})
    replicate(one, 2, 2, ("order",)).run()
    report = rank_report(one)
    assert (report["verdict"], [trial["replications"] for trial in report["trials"]]) == ("unknown", [None] * 3)
    assert report["left_out"] == [
        "Experiment 2 is left out: its trial 1, which repeats 1/2, ended with other weights.",
        "Experiment 3 is left out: its trial 1, which repeats 1/2, has no end.",
    ]
    replicated(one, 2, [0.9, 0.90, 0.91])
    assert rank_report(one)["trials"][0]["replications"]["experiment"] == 4


def test_what_repeats_a_trial_with_other_streams_is_none_of_its_replications(experiment: Any) -> None:
    one = compared(experiment)
    made = replicated(one, 2, [0.9, 0.90, 0.91])
    config = made.describe()["config"]
    other = {**config, "searcher": {**config["searcher"], "of": "2/3"}}
    experiment(one.make_executor, **other).run()
    assert [trial["replications"] for trial in rank_report(made)["trials"]] == [None] * 3


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
@pytest.mark.parametrize(("first", "second", "limit"), [(True, True, 0.025), (True, False, 0.05), (False, True, 0.05)])
def test_trials_that_do_not_differ_are_told_apart_in_at_most_5_of_100_cases(
    count: int, first: bool, second: bool, limit: float
) -> None:
    """The cases are always the same 10,000; in others a right limit were passed once in a thousand times."""
    chance, cases = random.Random(42), 10_000
    wrong = 0
    for _ in range(cases):
        results = sorted(chance.gauss(0, 1) for _ in range(2))
        groups = [values_of(chance, count) if known else None for known in (first, second)]
        wrong += significance._verdict(results, groups, 1)["verdict"] == "best"
    assert wrong / cases <= limit + 3.1 * math.sqrt(limit * (1 - limit) / cases)


def test_the_test_is_welchs() -> None:
    groups = [
        {"mean": statistics.fmean(values), "spread": statistics.stdev(values), "values": values}
        for values in ([27.5, 21.0, 19.0, 23.6, 17.0], [27.1, 22.0, 20.8, 23.4, 23.4, 23.5])
    ]
    t, freedom = significance._welch(groups, 1)
    # By scipy.stats.ttest_ind(..., equal_var=False), whose degrees of freedom are 5.751.
    assert math.isclose(t, 0.8624582603181654, rel_tol=1e-12)
    assert freedom == 5
    assert significance._ratio(1.0, 0.0) == math.inf and significance._ratio(0.0, 0.0) == 0.0
