"""The MNIST example is complete, says where its data is from, and runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from pedl.config import read_config

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "mnist"
CONFIGURATIONS = ("const", "random", "grid", "adaptive", "deterministic_cpu", "tensorflow", "functional")


def pedl(home: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "pedl", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PEDL_HOME": str(home)}
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_each_configuration_is_valid_and_names_a_class_that_exists(name: str) -> None:
    config = read_config(EXAMPLE / f"{name}.yaml").to_dict()
    module, _, trial_class = config["entrypoint"].partition(":")
    assert f"class {trial_class}(" in (EXAMPLE / f"{module}.py").read_text()
    assert (config["searcher"]["metric"], config["searcher"]["smaller_is_better"]) == ("accuracy", False)


def test_the_digits_are_those_that_the_notice_describes() -> None:
    with np.load(EXAMPLE / "mnist_10k.npz") as data:
        found = {name: (data[name].shape, data[name].dtype.name) for name in data}
    assert found == {
        "x_train": ((8000, 28, 28), "uint8"),
        "y_train": ((8000,), "uint8"),
        "x_test": ((2000, 28, 28), "uint8"),
        "y_test": ((2000,), "uint8"),
    }
    notice = (EXAMPLE / "NOTICE.md").read_text()
    for word in ("LeCun", "Cortes", "Burges", "Attribution-ShareAlike 3.0", "mnist_10k.npz"):
        assert word in notice


def test_every_file_that_the_readme_names_is_there() -> None:
    text = (EXAMPLE / "README.md").read_text()
    for link in re.findall(r"\]\(([^)]+)\)", text):
        assert (EXAMPLE / link).exists()
    for path in re.findall(r"(examples/mnist\S*)", text):
        assert (ROOT / path.rstrip("`")).exists()
    assert set(re.findall(r"`(\w+)\.yaml`", text)) == set(CONFIGURATIONS)


def test_the_first_commands_of_the_readme_work(tmp_path: Path) -> None:
    """In test mode, one step of one batch; the preset with one thread per pool, which starts its process twice."""
    pedl(tmp_path, "experiment", "create", "examples/mnist/deterministic_cpu.yaml", "examples/mnist", "--test-mode")
    described = json.loads(pedl(tmp_path, "experiment", "describe", "1", "--json"))
    assert described["state"] == "COMPLETED"
    assert "accuracy" in described["trials"][0]["validation"][-1]["metrics"]
    assert "1" in pedl(tmp_path, "trial", "describe", "1/1")
    assert pedl(tmp_path, "preview-search", "examples/mnist/grid.yaml")


@pytest.mark.long
def test_the_adaptive_search_runs_and_lets_the_best_go_on(tmp_path: Path) -> None:
    """The largest bracket alone, and steps of one batch."""
    text = (EXAMPLE / "adaptive.yaml").read_text()
    text = text.replace("target_trial_steps: 8", "target_trial_steps: 4").replace("step_budget: 48", "step_budget: 8")
    (tmp_path / "short.yaml").write_text(f"{text}batches_per_step: 1\n".replace("max_rungs: 3", "bracket_rungs: [3]"))
    pedl(tmp_path / "home", "experiment", "create", str(tmp_path / "short.yaml"), "examples/mnist", "--workers", "2")
    described = json.loads(pedl(tmp_path / "home", "experiment", "describe", "1", "--json"))
    assert [[rung["reached"] for rung in bracket["rungs"]] for bracket in described["brackets"]] == [[4, 2, 1]]
    assert sorted(trial["steps_completed"] for trial in described["trials"]) == [1, 1, 2, 4]
