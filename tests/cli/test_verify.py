"""`pedl experiment verify` and `pedl trial verify` claim what was compared, and no more."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pedl.cli.main import cli
from pedl.verify import ProfileDifference, verify_experiment
from pedl.verify.lines import news_lines, result_lines
from tests.experiment.conftest import definition, experiment
from tests.experiment.fake_executor import FakeExecutor, Script
from tests.verify.test_verifying import ran, rewrite

__all__ = ["definition", "experiment"]


def head(one: Any, trials: list[int] | None = None) -> str:
    return result_lines(verify_experiment(one, trials=trials))[0]


def test_the_first_line_says_of_what_it_is_said(experiment: Any) -> None:
    one = ran(experiment)
    assert head(one) == "Experiment 1: identical."
    assert head(one, [2]) == "Trial 1/2: identical."
    assert head(one, [1, 3]) == "Experiment 1: 2 of 3 trials identical."
    rewrite(one.home, "step", lambda it: it["metrics"].update(loss=0.5), trial_id=2)
    assert head(one) == "Experiment 1: 1 of 3 trials differs."
    assert head(one, [2]) == "Trial 1/2: differs."
    assert head(one, [1, 2]) == "Experiment 1: 1 of 2 trials that were run again differs."
    rewrite(one.home, "trial_targeted", lambda it: it.update(until_step=3), trial_id=3)
    assert head(one, [1]) == "Experiment 1: differs."


def test_entries_of_the_profile_are_written_as_describe_writes_them() -> None:
    changed = ProfileDifference((2,), "onednn", True, None, "versions", "other code computes")
    told = "Numeric profile: onednn was true when trial 2 was recorded, and is null here; other code computes."
    assert news_lines(1, changed) == [told]


def test_what_was_not_over_is_identical_as_far_as_recorded(experiment: Any) -> None:
    one = experiment(None)

    def pausing(running: Any) -> None:
        if running.describe()["trials"][1]["steps_completed"] == 2:
            one.home.request(1, "pause", {})

    one.run(workers=1, on_change=pausing)
    assert head(one) == "Experiment 1: identical, as far as recorded."
    assert head(one, [1]) == "Trial 1/1: identical."
    assert head(one, [2]) == "Trial 1/2: identical, as far as recorded."
    assert head(one, [1, 2]) == "Experiment 1: 2 of 3 trials identical, as far as recorded."
    lines = result_lines(verify_experiment(one, trials=[2]))
    assert lines[4:7] == [
        "The experiment is not over: what is yet to come was not checked.",
        "Trials that were not run again: 1, 3.",
        "Trial 2: its record ends with step 2: it was not over.",
    ], lines


def test_a_failure_that_came_again_is_the_whole_of_a_trial(experiment: Any) -> None:
    one = ran(experiment, FakeExecutor(script=Script(fails={2: (3, "nan")})))
    found = verify_experiment(one)
    assert found.complete
    lines = str(found).splitlines()
    assert lines[0] == "Experiment 1: identical."
    assert lines[-1] == "Trial 2: it failed in the original (nan), and did so again."


@pytest.mark.parametrize(("words", "code"), [(("experiment", "verify", "1"), 0), (("trial", "verify", "1/2"), 0)])
def test_the_json_says_what_was_left_out(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int
) -> None:
    one = ran(experiment)
    monkeypatch.setattr("pedl.experiment.load_experiment", lambda *_: one)
    done = CliRunner().invoke(cli, ["--home", str(one.home.path), *words, "--json"])
    assert done.exit_code == code
    said = json.loads(done.stdout)
    assert said["complete"] == (words[0] == "experiment")
    assert said["not_executed"] == ([] if said["complete"] else ["Trials that were not run again: 1, 3."])


def test_of_several_trials_that_differ_one_is_told_in_full_and_the_command_for_another(
    experiment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ran(experiment)
    for trial_id in (2, 3):
        rewrite(one.home, "step", lambda it: it["metrics"].update(loss=0.5), trial_id=trial_id)
    monkeypatch.setattr("pedl.experiment.load_experiment", lambda *_: one)
    done = CliRunner().invoke(cli, ["--home", "home", "experiment", "verify", "1"])
    assert done.exit_code == 1
    assert "\nTrial 1/2 differs first in " in done.stdout and "\nOther trials that differ: 3 (" in done.stdout
    assert done.stdout.endswith("See another that differs in full: pedl --home home trial verify 1/3\n")


def test_the_command_that_checks_a_certificate_can_be_typed_as_it_is_told(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    one = ran(experiment)
    monkeypatch.chdir(tmp_path)
    words = ["--home", "home", "experiment", "verify", "1", "--trial", "1", "--certificate", "my c.json"]
    with monkeypatch.context() as patched:
        patched.setattr("pedl.experiment.load_experiment", lambda *_: one)
        told = CliRunner().invoke(cli, words).stderr.partition("check it with: ")[2].splitlines()[0]
    assert told == "pedl --home home certificate check 'my c.json'"
    assert CliRunner().invoke(cli, shlex.split(told)[1:]).exit_code == 0
