"""`pedl certificate check` ends with 0 if all agrees, 1 if the experiment is another one, 2 if the file was changed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from pedl import jsontext
from pedl.cli.main import cli
from pedl.verify import verify_experiment
from pedl.verify.certificate import certificate, read, write
from tests.experiment.conftest import definition, experiment
from tests.verify.test_verifying import ran, rewrite

__all__ = ["definition", "experiment"]


@pytest.fixture
def one(experiment: Any) -> Any:
    return ran(experiment)


def check(one: Any, file: Path, *words: str) -> Any:
    return CliRunner().invoke(cli, ["--home", str(one.home.path), "certificate", "check", str(file), *words])


@pytest.fixture
def file(one: Any, tmp_path: Path) -> Path:
    now = datetime.now(timezone.utc)
    write(certificate(verify_experiment(one, trials=[2]), now, now), tmp_path / "c.json")
    return tmp_path / "c.json"


def test_all_agrees_and_what_was_left_out_is_said(one: Any, file: Path) -> None:
    done = check(one, file)
    assert done.exit_code == 0
    assert "Certificate of experiment 1: identical, partial" in done.output
    assert "not executed: Trials that were not run again: 1, 3." in done.output
    assert "Nothing was run again; --rerun does." in done.output


def test_an_experiment_that_was_changed_is_told(one: Any, file: Path) -> None:
    rewrite(one.home, "reached", lambda it: it.update(weights_sha256="0" * 64), trial_id=3)
    done = check(one, file)
    assert done.exit_code == 1
    assert "trials.3.weights: the certificate says" in done.output
    assert check(one, file, "--json").exit_code == 1


def test_a_checkpoint_that_was_damaged_is_told(one: Any, file: Path) -> None:
    (kept, *_) = one.checkpoints(1)
    path = one.home.paths(1).checkpoint(1, kept.uuid) / "state.json"
    path.write_bytes(path.read_bytes() + b" ")
    done = check(one, file)
    assert done.exit_code == 1
    assert f"checkpoint {kept.uuid} of trial 1" in done.output


def test_a_certificate_without_trials_runs_none_again(one: Any, tmp_path: Path) -> None:
    now = datetime.now(timezone.utc)
    found = verify_experiment(one, trials=[])
    assert (found.trials, found.decisions) == ((), 9)
    write(certificate(found, now, now), tmp_path / "none.json")
    assert read(tmp_path / "none.json")["machine"]["numeric_profile_as_recorded"] is None
    done = check(one, tmp_path / "none.json", "--rerun")
    assert done.exit_code == 0
    assert "Nothing was run again: the certificate names no trial that the experiment has." in done.output


def test_what_is_run_again_and_differs_is_told_as_verify_tells_it(
    one: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pedl.experiment.load_experiment", lambda *_: one)
    assert check(one, file, "--rerun").exit_code == 0
    rewrite(one.home, "step", lambda it: it["metrics"].update(loss=0.5), trial_id=2)
    done = check(one, file, "--rerun")
    assert done.exit_code == 1
    assert "trials.2.record: the certificate says" in done.stdout
    assert "trial 1/2: differs" in done.stderr
    assert "Run again. Trial 1/2: differs.\n" in done.stdout and "Trial 1/2 differs first in " in done.stdout


def test_a_trial_that_the_experiment_lacks_is_told_and_not_run_again(
    one: Any, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = read(file)
    content["verification"]["trials"].append({**content["verification"]["trials"][0], "trial_id": 4})
    content["digests"]["trials"]["4"] = content["digests"]["trials"]["3"]
    body = {name: value for name, value in content.items() if name != "certificate_sha256"}
    write({**body, "certificate_sha256": hashlib.sha256(jsontext.dumps(body).encode()).hexdigest()}, file)
    monkeypatch.setattr("pedl.experiment.load_experiment", lambda *_: one)
    done = check(one, file, "--rerun")
    assert done.exit_code == 1
    assert "trials.4.weights: the certificate says" in done.stdout
    assert "Run again. Trial 1/2: identical." in done.stdout


def test_a_file_that_was_changed_is_refused(one: Any, file: Path) -> None:
    file.write_text(file.read_text().replace('"complete": false', '"complete": true'))
    done = check(one, file)
    assert done.exit_code == 2
    assert "is not as it was written" in done.output


def test_a_home_without_the_experiment_is_told(one: Any, file: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["--home", str(tmp_path / "none"), "certificate", "check", str(file)])
    assert done.exit_code == 1
    assert "1" in done.output
