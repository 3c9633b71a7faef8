"""What a search will cost, and what this machine is."""

from __future__ import annotations

import pytest

import pedl.cli.doctor
from pedl.cli.doctor import ASK_TENSORFLOW
from tests.cli.conftest import Pedl

Inputs = tuple[str, str]


def test_a_preview_tells_trials_steps_and_batches(pedl_command: Pedl, inputs: Inputs) -> None:
    result = pedl_command("preview-search", inputs[0])
    assert result.code == 0
    assert result.out.splitlines() == [
        "Search: random, for the largest accuracy",
        "  3 trials for 4 steps (8 batches) each",
        "Total: 3 trials, 12 steps, 24 batches",
        "Hyperparameters:",
        "  layers: const val=2",
        "  units: int minval=4 maxval=64",
    ]
    assert pedl_command("preview-search", inputs[0], "--json").json()["total_batches"] == 24


def test_a_preview_of_a_bad_configuration_tells_all_problems(pedl_command: Pedl) -> None:
    result = pedl_command("preview-search", "none.yaml")
    assert (result.code, result.out) == (2, "")
    assert "none.yaml: there is no such file" in result.err


def test_the_doctor_asks_tensorflow_in_the_environment_of_trials(
    pedl_command: Pedl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "7")
    answer = {
        "python": "3.11", "tensorflow": "2.21", "keras": "3.15", "numpy": "2.4", "machine": "x86_64", "device": "CPU",
        "instruction_set": ["X86_V3"], "onednn": True, "floatx": "float32", "dtype_policy": "float32", "intra_op": 0,
    }  # fmt: skip
    script = f"import os; assert os.environ['TF_ENABLE_ONEDNN_OPTS'] in '01'; import json; print(json.dumps({answer}))"
    monkeypatch.setattr(pedl.cli.doctor, "ASK_TENSORFLOW", script)
    facts = pedl_command("doctor", "--json").json()
    assert facts["numeric_profile"] == {name: value for name, value in answer.items() if name != "intra_op"}
    assert facts["ignored_variables"] == {"TF_ENABLE_ONEDNN_OPTS": "use reproducibility.onednn"}
    assert facts["cores"] >= 1
    shown = pedl_command("doctor").out
    assert "the same versions: python 3.11, tensorflow 2.21" in shown
    assert "TF_ENABLE_ONEDNN_OPTS: use reproducibility.onednn" in shown


def test_the_doctor_says_when_tensorflow_does_not_start(pedl_command: Pedl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pedl.cli.doctor, "ASK_TENSORFLOW", "raise ImportError('libcudart.so.12')")
    result = pedl_command("doctor")
    assert result.code == 1
    assert "TensorFlow does not start" in result.err and "libcudart.so.12" in result.err
    assert "Processor: " in result.out


def test_the_doctor_tells_the_real_profile(pedl_command: Pedl) -> None:
    assert "pedl.trial.profile" in ASK_TENSORFLOW
    profile = pedl_command("doctor", "--json").json()["numeric_profile"]
    assert {"tensorflow", "keras", "numpy", "instruction_set", "onednn", "op_determinism"} <= set(profile)
    assert "intra_op" not in profile
