"""The notebook of the example runs from top to bottom; what its experiment keeps is what stands in the cells."""

from __future__ import annotations

import ast
import os
import shutil
from pathlib import Path

import nbclient
import nbformat
import pytest

from pedl.experiment import load_experiment

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "mnist"


@pytest.fixture(scope="module")
def executed(tmp_path_factory) -> tuple[nbformat.NotebookNode, Path]:
    """The notebook after its run, with one batch a step, and the directory that it ran in."""
    directory = tmp_path_factory.mktemp("mnist")
    shutil.copy(EXAMPLE / "mnist_10k.npz", directory)
    notebook = nbformat.read(EXAMPLE / "notebook.ipynb", as_version=4)
    cell(notebook, "create").source = cell(notebook, "create").source.replace(
        '"description"', '"batches_per_step": 1, "description"'
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3")
    client.execute(cwd=str(directory), env=environment)
    return notebook, directory


def cell(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    return next(it for it in notebook.cells if it.id == name)


def shown(notebook: nbformat.NotebookNode, name: str, kind: str = "text/plain") -> str:
    """Returns what a cell shows last."""
    return cell(notebook, name).outputs[-1].data[kind]


@pytest.mark.long
def test_the_notebook_runs_and_what_it_made_is_made_again(executed):
    notebook, directory = executed
    assert shown(notebook, "verify") == "True"
    experiment = load_experiment(1, directory / ".pedl")
    best = experiment.best_trial
    assert ast.literal_eval(shown(notebook, "best")) == (best.hparams, best.metrics, best.weights_sha256)


@pytest.mark.long
def test_its_run_is_one_output_that_ends_with_the_best_trial(executed):
    notebook, directory = executed
    outputs = cell(notebook, "run").outputs
    assert [it.output_type for it in outputs] == ["display_data"]
    best = load_experiment(1, directory / ".pedl").best_trial
    assert f"best: 1/{best.id}" in outputs[0].data["text/html"]
    assert "3 of 3" in outputs[0].data["text/html"]
    assert "metrics.accuracy" in shown(notebook, "frame", "text/html")


@pytest.mark.long
def test_the_experiment_keeps_what_stands_in_the_cells_and_nothing_else(executed):
    notebook, directory = executed
    kept = (directory / ".pedl" / "experiments" / "1" / "model_definition" / "model_def.py").read_text()
    source = cell(notebook, "trial").source
    function, trial = source.index("def pixels"), source.index("class DigitTrial")
    assert kept == (
        "# DigitTrial and what it uses, as they were when the experiment was created.\n"
        "from pedl.trial import KerasTrial\nimport keras\nimport numpy as np\n\n\nCLASSES = 10\n\n\n"
        f"{source[trial:]}\n\n\n{source[function:trial].strip()}\n"
    )


def test_the_notebook_is_kept_without_outputs():
    notebook = nbformat.read(EXAMPLE / "notebook.ipynb", as_version=4)
    assert not any(it.get("outputs") or it.get("execution_count") for it in notebook.cells)
