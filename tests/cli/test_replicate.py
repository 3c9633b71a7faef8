"""`pedl experiment replicate` and `rank`, as people see them."""

from __future__ import annotations

import os
import signal

import pytest

from pedl.display.live import PAUSING
from pedl.experiment import load_experiment
from tests.cli.conftest import Pedl
from tests.cli.test_stop_commands import during
from tests.experiment.fake_executor import FakeExecutor, Script

Inputs = tuple[str, str]


def test_a_replication_tells_mean_spread_and_shares_and_a_rank_uses_them(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    executor.script = Script(metrics={1: 0.6, 2: 0.9, 3: 0.1})
    assert pedl_command("experiment", "create", *inputs, "--seed", "7").code == 0
    unknown = pedl_command("experiment", "rank", "1").out.splitlines()
    assert unknown[:3] == ["1/2: accuracy 0.9", "1/1: accuracy 0.6", "1/3: accuracy 0.1"]
    assert "neither was replicated. Find out with: pedl experiment replicate 1/2" in unknown[3]
    executor.script = Script(metrics={1: 0.9, 2: 0.5, 3: 0.5, 4: 0.5, 5: 0.75, 6: 0.9, 7: 0.91})
    told = pedl_command("experiment", "replicate", "1/2", "--replications", "2", "--vary", "init,order")
    assert told.code == 0, told.err
    assert told.out.splitlines() == [
        "Replication of 1/2: accuracy 0.9, the same weights, bit for bit",
        "  init: mean 0.5, spread 0 (2 trials)",
        "  order: mean 0.625, spread 0.176777 (2 trials)",
        "  init, order: mean 0.905, spread 0.00707107 (2 trials)",
        "  init causes 0% of the variance of single streams",
        "  order causes 100% of the variance of single streams",
        "  Known roughly: a variance from 2 trials is off by 141% of itself in general; more --replications tell more",
    ]
    assert "Created experiment 2, a replication of 1/2." in told.err
    known = pedl_command("experiment", "rank", "1").out.splitlines()
    assert known[0] == "1/2: accuracy 0.9 (replicated: mean 0.905, spread 0.00707107)"
    assert known[3] == (
        "1/2 beats 1/1 beyond the noise of the initial weights and the data's order alone (t = 35.22; chance alone "
        "stays below 12.71 in at least 95 of 100 cases). The noise of the random layers is not known; to vary all: "
        "pedl experiment replicate 1/2"
    )
    report = pedl_command("experiment", "rank", "1", "--json").json()
    assert report["verdict"] == "best" and report["trials"][0]["replications"]["experiment"] == 2
    assert report["streams"] == ["init", "order"]
    assert pedl_command("experiment", "replicate", "1/2", "--replications", "2").code == 0
    assert "1/2 beats 1/1 beyond the noise (t = inf; " in pedl_command("experiment", "rank", "1").out


def test_shares_do_not_hang_on_the_trials_in_which_all_streams_vary(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    executor.script = Script(metrics={1: 0.6, 2: 0.9, 3: 0.1})
    assert pedl_command("experiment", "create", *inputs, "--seed", "7").code == 0
    executor.script = Script(metrics={1: 0.9, 2: 0.5, 3: 0.6, 4: 0.5, 5: 0.75, 6: 0.9, 7: "NaN"})
    told = pedl_command("experiment", "replicate", "1/2", "--replications", "2", "--vary", "init,order").out
    assert "init, order: mean 0.9, spread unknown (1 trial)" in told
    assert "Known roughly: a variance from 2 trials is off by 141%" in told
    assert "Known roughly" in pedl_command("experiment", "describe", "2").out


def test_ctrl_c_pauses_a_replication_and_says_how_to_go_on(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    pedl_command("--home", "the home", "experiment", "create", *inputs, "--seed", "7")  # trial 2 is the best
    during(monkeypatch, 6, lambda: os.kill(os.getpid(), signal.SIGINT))
    stopped = pedl_command("--home", "the home", "experiment", "replicate", "1/2", "--replications", "2")
    assert stopped.code == 130 and "Experiment 2: PAUSED, 0 of 9 trials done" in stopped.out
    assert "Replication of" not in stopped.out
    said = [line for line in stopped.err.splitlines() if not line.startswith("trial ")]
    assert said[:4] == [
        "Created experiment 2, a replication of 1/2.",
        PAUSING,
        "Experiment 2 was interrupted.",
        "Once it is over, what it found is in: pedl --home 'the home' experiment describe 2",
    ]
    again = "pedl --home 'the home' experiment activate 2"
    assert said[-1] == f"Experiment 2 is paused and loses nothing. Go on with: {again}"
    assert pedl_command("--home", "the home", "experiment", "activate", "2").code == 0
    described = pedl_command("--home", "the home", "experiment", "describe", "2").out
    assert ", the same weights, bit for bit\n  init: mean " in described
    known = pedl_command("--home", "the home", "experiment", "rank", "1", "--json").json()
    assert known["trials"][[it["id"] for it in known["trials"]].index(2)]["replications"]["experiment"] == 2


@pytest.mark.parametrize(
    ("script", "identical", "told"),
    [
        (
            Script(fails={1: (1, "code")}),
            None,
            "Replication of 1/2: accuracy unknown, its repetition, trial 1, has no end to compare with it",
        ),
        (
            Script(differs_when_repeated={1: "done"}),
            False,
            "Replication of 1/2: accuracy 0.918468, OTHER WEIGHTS: it is not reproduced here",
        ),
    ],
    ids=["failed", "other"],
)
def test_a_repetition_that_failed_has_no_other_weights(
    pedl_command: Pedl,
    executor: FakeExecutor,
    inputs: Inputs,
    monkeypatch: pytest.MonkeyPatch,
    script: Script,
    identical: bool | None,
    told: str,
) -> None:
    pedl_command("experiment", "create", *inputs, "--seed", "7")
    executor.script = script
    deleted = during(monkeypatch, 3, lambda: load_experiment(1).delete())  # its weights are known by then
    result = pedl_command("experiment", "replicate", "1/2", "--replications", "2", "--vary", "order")
    assert deleted == [None]
    assert result.out.splitlines()[0] == told
    assert result.code == (1 if identical is False else 0)


def test_what_one_stream_lacks_and_what_is_left_out_is_said(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    executor.script = Script(metrics={1: 0.6, 2: 0.9, 3: 0.1})
    pedl_command("experiment", "create", *inputs, "--seed", "7")
    words = ("experiment", "replicate", "1/2", "--replications", "2", "--vary")
    executor.script = Script(differs_when_repeated={1: "done"}, metrics={4: "NaN"})
    told = pedl_command(*words, "init,order").out.splitlines()
    assert told[-1] == "  The shares are unknown: order has fewer than 2 finite results"
    ranked = pedl_command("experiment", "rank", "1").out.splitlines()
    assert ranked[3:] == [
        "Experiment 2 is left out: its trial 1, which repeats 1/2, ended with other weights.",
        "Whether 1/2 beats 1/1 by more than chance is unknown: no replication of either tells. "
        "Find out with: pedl experiment replicate 1/2",
    ]
    executor.script = Script(metrics={2: 0.8, 3: 0.9})
    pedl_command(*words, "order")
    executor.script = Script(metrics={2: 0.5, 3: 0.6})
    pedl_command("experiment", "replicate", "1/3", "--replications", "2", "--vary", "init")
    assert pedl_command("experiment", "rank", "1").out.splitlines()[2] == (
        "1/3: accuracy 0.1 (replicated varying init: mean 0.55, spread 0.0707107)"
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--vary", "init,data"), "'data' is not a stream; expected some of init,order,dropout"),
        (("--replications", "1"), "1 is not in the range x>=2"),
    ],
)
def test_what_cannot_vary_is_refused(pedl_command: Pedl, words: tuple[str, ...], told: str) -> None:
    refused = pedl_command("experiment", "replicate", "1/2", *words)
    assert refused.code == 2 and told in refused.err
