"""Experiments from the command line: results on standard output, messages on standard error, exit codes."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rich.console import Console

import pedl.experiment
from pedl.cli import tables
from pedl.cli.main import cli
from pedl.config import read_config
from pedl.display.live import LineView
from pedl.experiment import load_experiment
from pedl.store.lock import hold
from tests.cli.conftest import CONFIG, Pedl
from tests.experiment.fake_executor import FakeExecutor
from tests.waiting import until

Inputs = tuple[str, str]


def test_create_runs_the_experiment_and_prints_the_best_trial(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    executor.script.metrics = {1: 0.5, 2: 0.875, 3: 0.75}
    result = pedl_command("experiment", "create", *inputs, "--seed", "7")
    assert result.code == 0
    units = load_experiment(1).describe()["trials"][1]["hparams"]["units"]
    assert result.out.splitlines() == [
        "Experiment 1: COMPLETED, 3 of 3 trials done, seed 7",
        "Best trial: 1/2, accuracy 0.875 (loss=1)",
        "  layers: 2",
        f"  units: {units}",
    ]
    assert "Created experiment 1 with seed 7." in result.err
    assert "trial 1/2: validation at step 4/4 accuracy=0.875 loss=1" in result.err
    assert "trial 1/3: COMPLETED" in result.err
    assert "pedl experiment describe 1" in result.err and "pedl trial describe 1/2" in result.err


def test_create_with_json_prints_what_describe_prints(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    executor.script.metrics = {2: "NaN"}
    created = pedl_command("e", "create", *inputs, "--json")
    assert created.code == 0
    assert created.json() == pedl_command("e", "describe", "1", "--json").json() == load_experiment(1).describe()
    assert created.json()["trials"][1]["validation"][-1]["metrics"]["accuracy"] == "NaN"
    assert created.json()["outcome_sha256"] is not None
    assert pedl_command("e", "rank", "1", "--json").json()["trials"][2]["value"] == "NaN"
    assert pedl_command("e", "rank", "1").out.splitlines()[2] == "1/2: accuracy NaN"


def test_what_is_probably_meant_otherwise_is_told_once_and_kept(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    (tmp_path / "random.yaml").write_text(CONFIG.replace("smaller_is_better: false, ", ""))
    created = pedl_command("experiment", "create", *inputs)
    note = "Note: searcher.metric: the smallest accuracy is searched for"
    assert created.err.count(note) == 1
    assert note in pedl_command("experiment", "describe", "1").err


@pytest.mark.parametrize("command", ["experiment create", "shake"])
def test_what_is_exchanged_or_not_there_is_told_before_anything_is_loaded(
    command: str, pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    result = pedl_command(*command.split(), *reversed(inputs))
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "md, a directory, came first, and random.yaml, a configuration file, second; expected the configuration first."
        f"\nWrite: pedl {command} random.yaml md\n"
    )
    result = pedl_command(*command.split(), inputs[0], "mdd")
    assert result.err == "mdd is not there; expected a model definition: a directory, or one .py file.\n"
    assert (result.code, executor.started) == (2, [])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (CONFIG + "max_restart: 1\n", "random.yaml:9: max_restart: unknown field"),
        (CONFIG.replace("metric: accuracy", "metric: acuracy"), "random.yaml:6: searcher.metric: found 'acuracy'"),
        ("", "the file is empty"),
    ],
)
def test_bad_input_ends_with_2_and_creates_nothing(
    text: str, told: str, pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    (tmp_path / "random.yaml").write_text(text)
    result = pedl_command("experiment", "create", *inputs)
    assert (result.code, result.out) == (2, "")
    assert told in result.err
    assert "Traceback" not in result.err
    assert not (tmp_path / ".pedl").exists()


def test_a_seed_out_of_the_file_is_kept_and_zero_is_one(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    (tmp_path / "random.yaml").write_text(CONFIG + "reproducibility: {experiment_seed: 5}\n")
    assert pedl_command("e", "create", *inputs, "--paused", "--json").json()["experiment_seed"] == 5
    assert pedl_command("e", "create", *inputs, "--paused", "--json", "--seed", "0").json()["experiment_seed"] == 0


def test_what_is_created_paused_runs_when_activated(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    result = pedl_command("experiment", "create", *inputs, "--paused", "--seed", "3")
    assert result.code == 0
    assert "Experiment 1: PAUSED, 0 of 3 trials done, seed 3" in result.out
    assert "Run it with: pedl experiment activate 1" in result.err
    assert pedl_command("experiment", "wait", "1").code == 130
    assert pedl_command("experiment", "activate", "1", "--workers", "2").code == 0
    assert executor.running_at_most == 2
    assert pedl_command("experiment", "wait", "1", "--json").json()["state"] == "COMPLETED"


def test_test_mode_trains_one_batch_of_one_trial(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    result = pedl_command("experiment", "create", *inputs, "--test-mode", "--json")
    assert [(trial["steps_completed"], trial["batches_completed"]) for trial in result.json()["trials"]] == [(1, 1)]


def test_ctrl_c_pauses_and_going_on_gives_the_same_outcome(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pedl_command("experiment", "create", *inputs, "--seed", "7", "--json").json()
    polls, poll = [], FakeExecutor.poll

    def interrupted(self: FakeExecutor, timeout_s: float | None) -> Any:
        polls.append(1)
        if len(polls) == 6:
            os.kill(os.getpid(), signal.SIGINT)
        return poll(self, timeout_s)

    monkeypatch.setattr(FakeExecutor, "poll", interrupted)
    result = pedl_command("--home", "other home", "experiment", "create", *inputs, "--seed", "7")
    assert result.code == 130
    assert "Experiment 1: PAUSED" in result.out
    assert "Go on with: pedl --home 'other home' experiment activate 1" in result.err
    assert "Traceback" not in result.err
    result = pedl_command("--home", "other home", "experiment", "activate", "1", "--json")
    assert result.code == 0
    assert result.json()["outcome_sha256"] == whole["outcome_sha256"]


def test_ctrl_c_before_anything_is_created_says_so(
    pedl_command: Pedl, inputs: Inputs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pedl.experiment, "create_experiment", interrupted)
    result = pedl_command("experiment", "create", *inputs)
    told = "Checking md with TensorFlow ...\nInterrupted before anything was created.\n"
    assert (result.code, result.out, result.err) == (130, "", told)


def test_ctrl_c_after_an_experiment_was_created_says_that_it_was(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: FakeExecutor) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeExecutor, "close", interrupted)
    result = pedl_command("experiment", "create", *inputs, "--paused")
    assert result.code == 130
    assert result.err.splitlines()[1] == "Interrupted when experiment 1 was created; nothing trains."
    assert [entry["id"] for entry in pedl_command("experiment", "list", "--json").json()] == [1]


def test_what_is_detached_runs_in_a_process_of_its_own_and_can_be_waited_for(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    pedl_command("experiment", "create", *inputs, "--paused")
    executor.started.clear()
    result = pedl_command("experiment", "activate", "1", "--detach")
    assert result.code == 0
    assert "Experiment 1 runs in the background" in result.err and "pedl experiment wait 1" in result.err
    # The real process trains with real workers, which find no trial class in this model definition.
    assert pedl_command("experiment", "wait", "1").code == 1
    assert executor.started == []
    log = tmp_path / ".pedl/experiments/1/logs/master.log"
    until(lambda: "trial 1/3: ERROR" in log.read_text())  # its last lines come when the experiment is free again


@pytest.mark.parametrize(
    ("code", "how", "said"),
    [
        ("import os; os.kill(os.getpid(), 9)", "was ended by signal 9 (Killed)", "(nothing)"),
        ("print('no place'); raise SystemExit(3)", "ended with exit code 3", "no place"),
    ],
)
def test_a_process_in_the_background_that_ends_at_once_is_told_with_how_and_what_to_do(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch,
    code: str, how: str, said: str,
) -> None:  # fmt: skip
    pedl_command("--home", "h", "experiment", "create", *inputs, "--paused")
    monkeypatch.setattr("pedl.cli.running.python_command", lambda *_: [sys.executable, "-c", code])
    result = pedl_command("--home", "h", "experiment", "activate", "1", "--detach")
    assert result.code == 1
    assert result.err.splitlines() == [
        f"The process that was to run experiment 1 in the background {how}; it said:",
        said,
        "Its log: pedl --home h experiment logs 1",
        "Go on with: pedl --home h experiment activate 1",
    ]


def test_a_refusal_tells_nothing_of_what_another_process_does(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pedl_command("experiment", "create", *inputs)
    # As if all of it had happened between the first look and the refusal.
    monkeypatch.setattr(LineView, "start_from", lambda *_: None)
    with hold(tmp_path / ".pedl/experiments/1/master.lock", "it"):
        result = pedl_command("experiment", "activate", "1")
    assert result.code == 1
    assert result.err.startswith("Experiment 1 is being run by another process")


def test_an_experiment_whose_trials_all_fail_ends_with_1_and_says_why(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    executor.script.fails = dict.fromkeys((1, 2, 3), (2, "code"))
    result = pedl_command("experiment", "create", *inputs)
    assert result.code == 1
    assert "Experiment 1: ERROR, 3 of 3 trials done, 3 failed, seed " in result.out
    assert "Failed trials: 1, 2, 3. The first, with layers=2 units=" in result.err
    assert "failed in step 2" in result.err
    assert "pedl trial logs 1/1" in result.err
    assert pedl_command("experiment", "wait", "1").code == 1
    assert "It cannot go on" in pedl_command("experiment", "activate", "1").err


def test_a_failed_trial_is_told_and_the_others_count(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs
) -> None:
    executor.script.fails = {2: (1, "nan")}
    result = pedl_command("experiment", "create", *inputs)
    assert result.code == 0
    assert "Failed trials: 2." in result.err
    assert "trial 1/2: failed in step 1" in result.err


def test_list_and_describe_are_tables_for_people(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    executor.script.metrics = {1: 0.5, 2: 0.875, 3: 0.75}
    pedl_command("experiment", "create", *inputs, "--seed", "7")
    listed = pedl_command("experiment", "list").out.splitlines()
    assert listed[0].split() == ["ID", "State", "Trials", "Best", "Created", "Labels", "Description"]
    row = listed[1].split()
    assert row[:4] == ["1", "COMPLETED", "3/3", "1/2"] and row[-2:] == ["first", "digits"]
    described = pedl_command("experiment", "describe", "1").out
    assert "Seed: 7\n" in described and "Outcome: " in described and "Best trial: 1/2, accuracy 0.875" in described
    rows = [line.split() for line in described.splitlines() if line.startswith("1/")]
    assert [row[0] for row in rows] == ["1/1", "1/2", "1/3"]
    assert rows[1][1:6] == ["*", "COMPLETED", "4", "8", "0.875"]
    assert rows[0][-1].startswith("units=")


@pytest.mark.parametrize("variable", ["FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"])
def test_a_table_that_is_read_by_a_program_has_a_row_for_each_thing_however_wide(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    variable: str,
) -> None:  # fmt: skip
    monkeypatch.setenv(variable, "1")
    hparams = "".join(
        f"  a_long_hyperparameter_{number}: {{type: int, minval: 4, maxval: 64}}\n" for number in range(70)
    )
    config = CONFIG.replace("  layers: 2\n", hparams).replace("digits", '"digits,\\n in two lines"')
    (tmp_path / "random.yaml").write_text(config)
    created = pedl_command("experiment", "create", *inputs)
    assert "trial 1/1: step 1/4 loss=" in created.err and "\x1b" not in created.err
    listed = pedl_command("experiment", "list").out.splitlines()
    assert len(listed) == 2 and listed[1].endswith("digits, in two lines")
    rows = pedl_command("experiment", "describe", "1").out.splitlines()[-3:]
    assert [row.split()[0] for row in rows] == ["1/1", "1/2", "1/3"]
    assert not any("\x1b" in row for row in [*listed, *rows])
    assert all(row.count("a_long_hyperparameter_") == 70 for row in rows)


def test_the_configuration_that_is_printed_can_be_run_again(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    first = pedl_command("experiment", "create", *inputs, "--json").json()
    (tmp_path / "again.yaml").write_text(pedl_command("experiment", "config", "1").out)
    assert read_config(tmp_path / "again.yaml") == load_experiment(1).config
    assert pedl_command("experiment", "config", "1", "--json").json() == first["config"]
    again = pedl_command("experiment", "create", "again.yaml", "md", "--json").json()
    assert again["outcome_sha256"] == first["outcome_sha256"]


def test_labels_are_added_removed_and_shown(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    pedl_command("experiment", "create", *inputs, "--paused")
    assert pedl_command("experiment", "label", "1").out == "first\n"
    assert pedl_command("experiment", "label", "1", "best", "first", "best").out == "first\nbest\n"
    assert pedl_command("experiment", "label", "1", "first", "--remove", "--json").json() == ["best"]
    assert pedl_command("experiment", "list", "--json").json()[0]["labels"] == ["best"]
    result = pedl_command("experiment", "label", "1", "nope", "--remove")
    assert (result.code, result.err) == (2, "Experiment 1 has no label 'nope'; it has: best.\n")
    assert pedl_command("experiment", "label", "1", "").code == 2
    result = pedl_command("experiment", "label", "1", "caf\udce9")
    assert (result.code, result.err) == (
        2,
        "A label cannot be 'caf\\udce9', expected a text in UTF-8 that is not empty.\n",
    )
    assert pedl_command("experiment", "list", "--json").json()[0]["labels"] == ["best"]


def test_archived_experiments_are_listed_with_all(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    pedl_command("experiment", "create", *inputs, "--paused")
    assert pedl_command("experiment", "archive", "1").code == 0
    assert pedl_command("experiment", "list", "--json").json() == []
    assert pedl_command("experiment", "list", "--json", "--all").json()[0]["archived"] is True
    assert "PAUSED (archived)" in pedl_command("experiment", "list", "--all").out
    pedl_command("experiment", "archive", "1", "--undo")
    assert [entry["id"] for entry in pedl_command("experiment", "list", "--json").json()] == [1]


def test_deleting_asks_unless_told_not_to(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    pedl_command("experiment", "create", *inputs, "--paused")
    kept = CliRunner().invoke(cli, ["experiment", "delete", "1"], input="n\n")
    assert kept.exit_code == 130
    assert pedl_command("experiment", "describe", "1").code == 0
    result = pedl_command("experiment", "delete", "1", "--yes")
    assert (result.code, result.err) == (0, "Deleted experiment 1.\n")
    assert pedl_command("experiment", "list", "--json").json() == []
    assert not (tmp_path / ".pedl" / "experiments" / "1").exists()


def test_the_home_is_an_option_anywhere_a_variable_or_here(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def count(*words: str) -> int:
        return len(pedl_command(*words, "--json").json())

    pedl_command("experiment", "create", *inputs, "--paused", "--home", "a")
    assert (tmp_path / "a").is_dir() and not (tmp_path / ".pedl").exists()
    assert count("experiment", "list", "--home", "a") == count("--home", "a", "experiment", "list") == 1
    assert count("experiment", "list") == 0
    monkeypatch.setenv("PEDL_HOME", "a")
    assert count("experiment", "list") == 1
    assert count("experiment", "list", "--home", "b") == count("--home", "b", "experiment", "list") == 0


def test_logs_are_printed_with_the_trials_name(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    pedl_command("experiment", "create", *inputs, "--paused")
    logs = tmp_path / ".pedl" / "experiments" / "1" / "logs"
    (logs / "master.log").write_text("checked\n")
    (logs / "trial-2.log").write_text("one\ntwo\nhalf a line")
    assert pedl_command("experiment", "logs", "1").out == (
        "master| checked\ntrial-2| one\ntrial-2| two\ntrial-2| half a line\n"
    )
    assert pedl_command("trial", "logs", "1/2", "--tail", "2").out == "two\nhalf a line\n"
    assert pedl_command("trial", "logs", "1/2", "--tail", "0").out == ""
    assert pedl_command("trial", "logs", "1/2", "--follow").out == "one\ntwo\nhalf a line\n"
    assert pedl_command("trial", "logs", "1/1").out == ""


def test_logs_as_json_are_one_list_and_one_object_a_line_where_they_are_followed(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    pedl_command("experiment", "create", *inputs, "--paused")
    logs = tmp_path / ".pedl" / "experiments" / "1" / "logs"
    (logs / "master.log").write_text("checked\n")
    (logs / "trial-2.log").write_text('one\n"two"\n')
    expected = [
        {"trial": None, "line": "checked"},
        {"trial": 2, "line": "one"},
        {"trial": 2, "line": '"two"'},
    ]
    assert pedl_command("experiment", "logs", "1", "--json").json() == expected
    assert pedl_command("trial", "logs", "1/2", "--json", "--tail", "1").json() == expected[2:]
    assert pedl_command("trial", "logs", "1/1", "--json").json() == []
    followed = pedl_command("experiment", "logs", "1", "--json", "--follow").out
    assert [json.loads(line) for line in followed.splitlines()] == expected


def test_what_the_audit_found_is_a_sentence(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    executor.script.audit = [{"kind": "draw", "where": "model_def.py:3", "message": "model_def.py:3: it draws"}]
    pedl_command("experiment", "create", *inputs)
    assert "Audit: model_def.py:3: it draws" in pedl_command("trial", "describe", "1/1").out.splitlines()


def test_a_trial_is_described(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    whole = pedl_command("experiment", "create", *inputs, "--json").json()
    assert pedl_command("t", "describe", "1/3", "--json").json() == whole["trials"][2]
    shown = pedl_command("trial", "describe", "1/3").out
    for word in (
        "Trial: 1/3",
        "State: COMPLETED",
        f"Seed: {whole['trials'][2]['trial_seed']}",
        "layers: 2",
        "accuracy=",
    ):
        assert word in shown
    result = pedl_command("trial", "describe", "1/4")
    assert (result.code, result.err) == (1, "There is no trial 1/4; experiment 1 has trials 1 to 3.\n")


def test_commands_that_do_something_speak_to_people_and_leave_standard_output_to_results(
    pedl_command: Pedl, inputs: Inputs, executor: FakeExecutor
) -> None:
    for words in (("create", *inputs, "--paused"), ("activate", "1")):
        result = pedl_command("experiment", *words)
        assert result.out.startswith("Experiment 1: ")
        assert "Checking" not in result.out and "trial 1/1" not in result.out
    for words in (("archive", "1"), ("archive", "1", "--undo"), ("pause", "1"), ("delete", "1", "--yes")):
        result = pedl_command("experiment", *words)
        assert result.out == "" and "xperiment 1" in result.err, words


def test_of_very_many_experiments_the_last_are_shown_and_where_the_others_are(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedl.cli.tables.MOST_ROWS", 2)
    for _ in range(3):
        pedl_command("experiment", "create", *inputs, "--paused")
    shown = pedl_command("experiment", "list")
    assert [line.split()[0] for line in shown.out.splitlines()] == ["ID", "2", "3"]
    assert "The last 2 of 3 experiments are shown; all: pedl experiment list --json" in shown.err
    assert len(pedl_command("experiment", "list", "--json").json()) == 3


def test_on_a_narrow_terminal_no_value_is_cut(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    pedl_command("experiment", "create", *inputs, "--seed", "7")
    wide = pedl_command("experiment", "describe", "1").out
    monkeypatch.setattr(tables, "_console", lambda: Console(force_terminal=True, color_system=None, width=45))
    narrow = pedl_command("experiment", "describe", "1").out
    assert "Batches" in wide and "Batches" not in narrow
    for trial in pedl_command("experiment", "describe", "1", "--json").json()["trials"]:
        line = f"1/{trial['id']}: units={trial['hparams']['units']}"
        assert any(it.startswith(line) for it in narrow.splitlines()), narrow
        assert not any(it.startswith(line) for it in wide.splitlines())
