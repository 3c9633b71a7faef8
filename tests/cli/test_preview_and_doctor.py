"""What a search will cost, and what this machine is."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import pedl.verify.machine
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


def test_a_preview_shows_the_values_of_exponents_and_what_may_be_meant_otherwise(
    pedl_command: Pedl, tmp_path: Path
) -> None:
    (tmp_path / "a.yaml").write_text(
        "searcher: {name: single, max_steps: 1, metric: accuracy}\n"
        "hyperparameters: {lr: {type: log, base: 10, minval: -4, maxval: -1}, half: {type: log, base: 0.5, minval: 0, "
        "maxval: 2}, odd: {type: log, base: 10, minval: 0.1, maxval: 0.5}}\n"
    )
    result = pedl_command("preview-search", "a.yaml")
    assert result.out.splitlines()[-3:] == [
        "  half: log base=0.5 minval=0 maxval=2 (0.25 .. 1)",
        "  lr: log base=10 minval=-4 maxval=-1 (0.0001 .. 0.1)",
        "  odd: log base=10 minval=0.1 maxval=0.5 (1.25893 .. 3.16228)",
    ]
    assert [line[:44] for line in result.err.splitlines()] == [
        "Note: searcher.metric: the smallest accuracy",
        "Note: hyperparameters.odd: values lie betwee",
    ]


def test_a_preview_of_a_bad_configuration_tells_all_problems(pedl_command: Pedl) -> None:
    result = pedl_command("preview-search", "none.yaml")
    assert (result.code, result.out) == (2, "")
    assert "none.yaml: there is no such file" in result.err


ANSWER = {
    "python": "3.11", "tensorflow": "2.21", "keras": "3.15", "numpy": "2.4", "machine": "x86_64", "device": "CPU",
    "instruction_set": ["X86_V3"], "onednn": True, "floatx": "float32", "dtype_policy": "float32", "intra_op": 4,
}  # fmt: skip
DIGESTS = {"convolutions": {"small": "1a", "large": "2b"}, "LSTM": {"8 units": "3c"}}


def answering(monkeypatch: pytest.MonkeyPatch, profile: dict[str, Any], digests: dict[str, Any]) -> None:
    """Lets TensorFlow's process answer without TensorFlow."""
    answer = {"numeric_profile": profile, "battery": {"format": 1, "digests": digests}}
    script = (
        f"import os, json, sys; assert os.environ['TF_ENABLE_ONEDNN_OPTS'] in '01'; answer = {answer}; "
        "answer['numeric_profile']['onednn'] = os.environ['TF_ENABLE_ONEDNN_OPTS'] == '1'; "
        "answer = answer if sys.argv[2] else {**answer, 'battery': None}; print(json.dumps(answer))"
    )
    monkeypatch.setattr(pedl.verify.machine, "ASK_TENSORFLOW", script)


def test_the_doctor_asks_tensorflow_in_the_environment_of_trials(
    pedl_command: Pedl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TF_ENABLE_ONEDNN_OPTS", "7")
    answering(monkeypatch, ANSWER, DIGESTS)
    facts = pedl_command("doctor", "--json").json()
    assert set(facts["numeric_profile"]) == set(ANSWER) - {"intra_op"}
    assert facts["battery"] == {"threads": {"intra_op": 4, "inter_op": 4}, "format": 1, "digests": DIGESTS}
    assert facts["ignored_variables"] == {"TF_ENABLE_ONEDNN_OPTS": "use reproducibility.onednn"}
    assert facts["cores"] >= 1
    shown = pedl_command("doctor").out
    assert "the same versions: python 3.11, tensorflow 2.21" in shown
    assert '  instruction_set: ["X86_V3"]\n' in shown, "as `describe` writes it"
    assert "  onednn: true\n" in shown or "  onednn: false\n" in shown
    assert "TF_ENABLE_ONEDNN_OPTS: use reproducibility.onednn" in shown


def test_the_doctor_says_when_tensorflow_does_not_start(pedl_command: Pedl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pedl.verify.machine, "ASK_TENSORFLOW", "raise ImportError('libcudart.so.12')")
    result = pedl_command("doctor")
    assert result.code == 1
    assert "TensorFlow does not start" in result.err and "libcudart.so.12" in result.err
    assert "Processor: " in result.out


@pytest.fixture
def written(pedl_command: Pedl, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the doctor says of a machine, which is also in there.json."""
    answering(monkeypatch, ANSWER, DIGESTS)
    facts: dict[str, Any] = pedl_command("doctor", "--json").json()
    Path("there.json").write_text(json.dumps(facts))
    return facts


def test_machines_that_agree_are_told_what_that_proves(pedl_command: Pedl, written: dict[str, Any]) -> None:
    result = pedl_command("doctor", "--against", "there.json")
    assert result.code == 0
    assert "Numeric profile: the same" in result.out and "LSTM: the same bits (8 units)" in result.out
    assert "agree in the profile and in 3 operations. That proves these operations in these sizes, and no" in result.out
    assert pedl_command("doctor", "--against", "there.json", "--json").json()["agree"] is True


def test_an_operation_with_another_digest_names_its_kind(
    pedl_command: Pedl, written: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, ANSWER, {**DIGESTS, "convolutions": {"small": "1a", "large": "ff"}})
    result = pedl_command("doctor", "--against", "there.json")
    assert result.code == 1
    assert "convolutions: DIFFERENT BITS (large; but not in small)" in result.out
    assert result.out.endswith("An experiment from there gives other bits here if it computes with: convolutions.\n")
    found = pedl_command("doctor", "--against", "there.json", "--json")
    assert (found.code, found.json()["agree"]) == (1, False)
    assert found.json()["operations"][0] == {"kind": "convolutions", "same": ["small"], "other": ["large"]}


def test_another_profile_is_told_although_no_operation_that_was_tried_differs(
    pedl_command: Pedl, written: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(monkeypatch, {**ANSWER, "tensorflow": "2.99", "instruction_set": ["X86_V2"]}, DIGESTS)
    result = pedl_command("doctor", "--against", "there.json")
    assert result.code == 1
    assert 'instruction_set is ["X86_V3"] there and ["X86_V2"] here' in result.out
    assert "Numeric profile: tensorflow is 2.21 there and 2.99 here; other code computes" in result.out
    assert "but others may: the profiles differ" in result.out


def test_here_is_computed_with_what_an_experiment_from_there_would_bring(
    pedl_command: Pedl, written: dict[str, Any]
) -> None:
    written["numeric_profile"]["onednn"] = not written["numeric_profile"]["onednn"]
    Path("other.json").write_text(json.dumps(written))
    result = pedl_command("doctor", "--against", "other.json")
    # The operations and the profile of that experiment agree; one that is created here would be another.
    assert result.code == 1
    assert "DIFFERENT BITS" not in result.out and result.out.count("Numeric profile: ") == 1
    assert "Numeric profile: onednn: auto is" in result.out and "set reproducibility.onednn" in result.out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda it: {**it, "battery": None}, "has no digests: TensorFlow did not start"),
        (lambda it: [it], "is not what `pedl doctor --json` writes"),
        (lambda it: {**it, "battery": {**it["battery"], "format": 7}}, "are of battery 7"),
        (lambda it: {**it, "numeric_profile": {}, "battery": 2}, "is not whole: numeric_profile, battery lack entries"),
    ],
)
def test_a_file_that_cannot_be_compared_is_refused(
    change: Callable[[Any], Any], told: str, pedl_command: Pedl, written: dict[str, Any]
) -> None:
    Path("there.json").write_text(json.dumps(change(written)))
    result = pedl_command("doctor", "--against", "there.json")
    assert (result.code, result.out) == (2, "")
    assert told in result.err


def test_a_file_that_is_not_there_is_told(pedl_command: Pedl) -> None:
    result = pedl_command("doctor", "--against", "none.json")
    assert (result.code, result.out) == (2, "")
    assert "none.json cannot be read" in result.err and "pedl doctor --json > none.json" in result.err
