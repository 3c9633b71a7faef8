"""Checkpoints from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from pedl.store import Home
from pedl.store.checkpoints import verify_checkpoint
from tests.cli.conftest import CONFIG, Pedl
from tests.experiment.fake_executor import FakeExecutor

Inputs = tuple[str, str]


@pytest.fixture
def storage(inputs: Inputs, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Three checkpoints of each trial are kept; at a place of their own, if the test says so."""
    url = f"url: {request.param}, " if getattr(request, "param", None) else ""
    (tmp_path / "random.yaml").write_text(f"{CONFIG}checkpoint_storage: {{{url}save_trial_latest: 3}}\n")


def files(trial: int, uuid: str) -> Path:
    return Home(Path(".pedl")).paths(1).checkpoint(trial, uuid)


def test_what_is_kept_is_listed(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, storage: None) -> None:
    pedl_command("e", "create", *inputs)
    listed = pedl_command("checkpoint", "list", "1/2", "--json").json()
    assert [(it["trial"], it["step"], it["batches"], it["stored"]) for it in listed] == [
        (2, 2, 4, False), (2, 3, 6, False), (2, 4, 8, False),
    ]  # fmt: skip
    rows = [line.split() for line in pedl_command("c", "ls", "1/2").out.splitlines()]
    assert rows[0] == ["Step", "Batches", "Size", "UUID", "SHA-256", "Copied"]
    assert [(row[0], row[3], row[4]) for row in rows[1:]] == [
        (str(it["step"]), it["uuid"], it["sha256"]) for it in listed
    ]
    missing = pedl_command("checkpoint", "list", "1/9")
    assert (missing.code, missing.err) == (1, "There is no trial 1/9; experiment 1 has trials 1 to 3.\n")


def test_no_checkpoints_are_none(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs) -> None:
    pedl_command("e", "create", *inputs, "--paused")
    assert pedl_command("c", "list", "1/1").err == "Trial 1/1 has no checkpoints.\n"
    assert pedl_command("c", "list", "1/1", "--json").json() == []
    result = pedl_command("c", "download", "1/1", "there")
    assert result.code == 1
    assert result.err.startswith("Trial 1/1 has no checkpoint: none was made yet, or none is kept.\n")


def test_a_trial_that_failed_before_its_first_checkpoint_says_so(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    executor.script.fails = {1: (1, "code")}
    pedl_command("--home", "h", "e", "create", *inputs)
    result = pedl_command("--home", "h", "c", "download", "1/1", "there")
    log = tmp_path / "h" / "experiments" / "1" / "logs" / "trial-1.log"
    assert (result.code, result.err) == (1, f"Trial 1/1 failed before its first checkpoint. Its log says why: {log}\n")


def test_damage_is_found_and_named(pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, storage: None) -> None:
    pedl_command("e", "create", *inputs)
    whole = pedl_command("checkpoint", "verify")
    assert (whole.code, whole.out) == (0, "9 checkpoints read, 9 whole.\n")
    entry = pedl_command("c", "list", "1/3", "--json").json()[1]
    (files(3, entry["uuid"]) / "tensors.safetensors").write_bytes(b"x")
    assert pedl_command("checkpoint", "verify", "1/2").out == "3 checkpoints read, 3 whole.\n"
    result = pedl_command("checkpoint", "verify")
    assert result.code == 1
    assert f"Checkpoint {entry['uuid']} of trial 1/3, step 3: " in result.out
    assert "tensors.safetensors is damaged: its sha256 is" in result.out
    assert "9 checkpoints read, 8 whole." in result.out
    found = pedl_command("checkpoint", "verify", "1/3", "--json").json()
    assert [it["trouble"] is None for it in found] == [True, False, True]


@pytest.mark.parametrize("storage", [None, "place", "memory://cli"], indirect=True)
def test_a_checkpoint_is_downloaded_whole_from_wherever_it_is(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, storage: None, tmp_path: Path
) -> None:
    pedl_command("e", "create", *inputs)
    listed = pedl_command("c", "list", "1/1", "--json").json()
    assert pedl_command("c", "verify", "1/1").code == 0
    result = pedl_command("c", "download", "1/1", "newest")
    assert (result.code, result.err) == (0, f"Checkpoint {listed[2]['uuid']} of step 4 is in newest.\n")
    verify_checkpoint(tmp_path / "newest", listed[2]["sha256"])
    assert pedl_command("c", "download", "1/1", "below/older", "--step", "3").code == 0
    verify_checkpoint(tmp_path / "below" / "older", listed[1]["sha256"])
    again = pedl_command("c", "download", "1/1", "newest")
    assert (again.code, again.err) == (2, "newest exists already; name a directory that does not.\n")
    none = pedl_command("c", "download", "1/1", "other", "--step", "1")
    assert (none.code, none.err) == (1, "Trial 1/1 has no checkpoint of step 1; steps with one: 2, 3, 4.\n")
    assert not (tmp_path / "other").exists()


def test_a_damaged_checkpoint_is_not_downloaded(
    pedl_command: Pedl, executor: FakeExecutor, inputs: Inputs, tmp_path: Path
) -> None:
    pedl_command("e", "create", *inputs)
    (entry,) = pedl_command("c", "list", "1/1", "--json").json()
    (files(1, entry["uuid"]) / "state.json").unlink()
    result = pedl_command("c", "download", "1/1", "there")
    assert result.code == 1 and "state.json cannot be read: No such file" in result.err
    assert not (tmp_path / "there").exists()
