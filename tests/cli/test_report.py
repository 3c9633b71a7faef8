"""`pedl report`, `tensorboard` and `mlflow`: where they write, and what they refuse."""

from __future__ import annotations

import errno
import os
import types
from pathlib import Path

import click
import pytest

import pedl.experiment
from tests.cli.conftest import Pedl
from tests.experiment.fake_executor import FakeExecutor


@pytest.fixture
def one(pedl_command: Pedl, executor: FakeExecutor, inputs: tuple[str, str]) -> Pedl:
    """The command line, with experiment 1 trained."""
    assert pedl_command("experiment", "create", *inputs).code == 0
    return pedl_command


def test_a_report_is_written_to_the_directory_where_one_is_or_to_a_file(one: Pedl, tmp_path: Path) -> None:
    done = one("report", "1")
    assert (done.code, done.out) == (0, f"{tmp_path / 'experiment-1.html'}\n")
    other = one("report", "1", "--output", "md/page.html")
    assert other.out == f"{tmp_path / 'md' / 'page.html'}\n"
    assert (tmp_path / "md" / "page.html").read_bytes() == (tmp_path / "experiment-1.html").read_bytes()


def test_a_report_is_opened_on_request(one: Pedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(click, "launch", opened.append)
    one("report", "1")
    assert opened == []
    one("report", "1", "--open")
    assert opened == [(tmp_path / "experiment-1.html").as_uri()]


def test_a_verification_is_on_the_next_report(one: Pedl, tmp_path: Path) -> None:
    one("report", "1")
    assert "Not verified yet" in (tmp_path / "experiment-1.html").read_text()
    assert one("experiment", "verify", "1").code == 0
    one("report", "1")
    assert "Verified: identical." in (tmp_path / "experiment-1.html").read_text()


def test_a_verdict_does_not_hang_on_the_place_for_its_certificate(
    one: Pedl, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pedl.verify.last.write", full)
    verified = one("experiment", "verify", "1")
    assert verified.code == 0 and "Experiment 1: identical." in verified.out
    assert "could not be kept: No space left on device" in verified.err
    assert pedl.experiment.load_experiment(1).verify(1).identical


def test_a_place_or_an_experiment_that_does_not_exist_is_told(one: Pedl, tmp_path: Path) -> None:
    nowhere = one("report", "1", "--output", "nowhere/page.html")
    assert nowhere.code == 2 and f"{tmp_path / 'nowhere'} is not a directory" in nowhere.err
    for words in (("report", "2"), ("tensorboard", "2"), ("mlflow", "2")):
        missing = one(*words)
        assert missing.code == 1 and "no experiment 2" in missing.err


def test_an_empty_home_has_nothing_to_show_and_not_the_experiment_that_is_named(pedl_command: Pedl) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard comes with the extra `tensorboard`")
    done = pedl_command("tensorboard", "--logdir-only")
    assert (done.code, done.out, done.err) == (0, "", "There are no experiments in .pedl.\n")
    named = pedl_command("tensorboard", "3", "--logdir-only")
    assert named.code == 1 and "There is no experiment 3" in named.err


def test_the_directory_for_tensorboard_is_printed(one: Pedl, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard comes with the extra `tensorboard`")
    done = one("tensorboard", "1", "--logdir-only")
    assert (done.code, done.out) == (0, f"{tmp_path / '.pedl' / 'tensorboard' / '1'}\n")
    assert sorted(it.name for it in Path(done.out.strip()).iterdir()) == ["trial-1", "trial-2", "trial-3"]
    assert one("tensorboard", "--logdir-only").out == f"{tmp_path / '.pedl' / 'tensorboard'}\n"


@pytest.mark.parametrize("words", [("tensorboard", "1"), ("tensorboard",)])
def test_a_tensorboard_that_does_not_start_is_told_with_another_port_for_the_same(
    one: Pedl, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard comes with the extra `tensorboard`")
    ended = types.SimpleNamespace(poll=lambda: 3, terminate=lambda: None, wait=lambda: 3, returncode=3)
    monkeypatch.setattr("signal.signal", lambda *_: None)
    monkeypatch.setattr("subprocess.Popen", lambda *_, **__: ended)
    done = one("--home", "./.pedl", *words, "--port", "80")
    assert done.code == 1 and "TensorBoard ended with exit code 3" in done.err
    assert done.err.endswith(f"choose another: pedl --home ./.pedl {' '.join(words)} --port 0\n")


def test_mlflow_has_it_once(one: Pedl, tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="MLflow comes with the extra `mlflow`")
    uri = (tmp_path / "mlruns").as_uri()
    first, again = one("mlflow", "1", "--tracking-uri", uri), one("mlflow", "1", "--tracking-uri", uri)
    assert first.code == again.code == 0 and first.out == again.out
    assert "3 trials, 0 new points" in again.err and "0 new points" not in first.err
