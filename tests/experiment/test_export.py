"""A trial's model leaves for programs that know nothing of pedl, with the very bits that the trial ended with."""

from __future__ import annotations

import hashlib
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedl.errors import CheckpointError, InputError, NotReproduced, StoreError, TrialDefinitionError, TrialFailed
from pedl.experiment import Experiment, TrialResult, create_experiment, export
from pedl.store import ExperimentPaths
from pedl.trial.keras_export import load_keras
from pedl.trial.weights import weights_sha256
from tests.promises.shared_executor import SharedExecutor
from tests.trial.alone import WORKLOADS

KINDS = ("cnn", "own", "graph")
"""Augmentation, batch norm and averages that the end puts in place; a class of the user's; a graph."""

EXPORTED = [("cnn", "keras"), ("cnn", "saved_model"), ("own", "keras")]

CONFIG: dict[str, Any] = {
    "entrypoint": "exported:ExportedTrial",
    "hyperparameters": {"workload": {"type": "categorical", "vals": list(KINDS)}, "learning_rate": 0.01},
    "searcher": {"name": "grid", "metric": "loss", "max_steps": 2},
    "batches_per_step": 3,
    "min_checkpoint_period": 1,
    "checkpoint_storage": {"save_trial_latest": 2},
    "reproducibility": {"experiment_seed": 5, "onednn": True},
}

WITHOUT_PEDL = """
import json, sys
import numpy as np

sys.modules["pedl"] = None  # an import of it fails from now on
import keras
import tensorflow as tf

tf.config.threading.set_intra_op_parallelism_threads(4)  # as in the trial: convolutions depend on it
home, models, wanted = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
for name, file_format in wanted:
    data = np.load(f"{home}/{name}.npz")
    if file_format == "keras":
        model = keras.models.load_model(f"{models}/{name}-keras/model.keras")
        found, own = model.predict(data["x"], verbose=0), data["predicted"]
    else:
        model = tf.saved_model.load(f"{models}/{name}-saved_model/saved_model")
        found, own = model.serve(data["x"]).numpy(), data["served"]
    print("found", name, file_format, found.tobytes() == own.tobytes())
"""


@pytest.fixture(scope="module")
def executor():
    shared = SharedExecutor()
    yield shared
    shared.close_for_good()


@pytest.fixture(scope="module")
def experiment(executor, tmp_path_factory) -> Experiment:
    home = tmp_path_factory.mktemp("home")
    config = {**CONFIG, "data": {"directory": str(home)}}
    made = create_experiment(config, WORKLOADS, home, make_executor=executor)
    made.run(workers=1)
    assert made.state == "COMPLETED"
    return made


@pytest.fixture(scope="module")
def exported(experiment, tmp_path_factory) -> tuple[Path, dict[str, Any]]:
    """A directory with what is exported, and the manifests by kind and format."""
    place = tmp_path_factory.mktemp("exported")
    made = {f"{kind}-{form}": of(experiment, kind).export(place / f"{kind}-{form}", form) for kind, form in EXPORTED}
    return place, made


def of(experiment: Experiment, kind: str) -> TrialResult:
    return experiment.trial(KINDS.index(kind) + 1)


@pytest.mark.long
def test_what_is_exported_predicts_bit_for_bit_in_a_process_without_pedl(experiment, exported):
    wanted = [it for it in EXPORTED if it != ("own", "keras")]  # which needs the user's class
    command = [sys.executable, "-I", "-c", WITHOUT_PEDL, str(experiment.home.path), str(exported[0])]
    environment = {"TF_ENABLE_ONEDNN_OPTS": "1"}
    done = subprocess.run([*command, json.dumps(wanted)], capture_output=True, text=True, env=environment)
    found = [line for line in done.stdout.splitlines() if line.startswith("found")]
    assert found == [f"found {kind} {form} True" for kind, form in wanted], done.stderr


@pytest.mark.long
def test_the_weights_are_those_that_the_trial_ended_with(experiment, exported):
    for kind, form in EXPORTED:
        assert exported[1][f"{kind}-{form}"]["weights_sha256"] == of(experiment, kind).weights_sha256


@pytest.mark.long
def test_the_manifest_says_what_it_is_and_names_every_file(experiment, exported):
    place, manifest = exported[0] / "cnn-keras", exported[1]["cnn-keras"]
    trial, described = of(experiment, "cnn"), experiment.describe()
    assert json.loads((place / "manifest.json").read_text()) == manifest
    assert {name: manifest[name] for name in ("experiment", "trial", "step", "batches", "ended", "format")} == {
        "experiment": 1, "trial": 1, "step": 2, "batches": 6, "ended": True, "format": "keras",
    }  # fmt: skip
    for name in ("hparams", "trial_seed", "metrics"):
        assert manifest[name] == getattr(trial, name)
    for name in ("experiment_seed", "model_definition_sha256", "outcome_sha256"):
        assert manifest[name] == described[name]
    assert manifest["checkpoint_sha256"] == experiment.checkpoints(1)[-1].sha256
    content = (place / "model.keras").read_bytes()
    assert manifest["files"] == {"model.keras": hashlib.sha256(content).hexdigest()}
    assert "saved_model/saved_model.pb" in exported[1]["cnn-saved_model"]["files"]
    assert {path.name for path in exported[0].iterdir()} == set(exported[1])  # nothing lies beside


@pytest.mark.long
def test_the_same_export_is_the_same_file(experiment, exported, tmp_path):
    assert of(experiment, "own").export(tmp_path / "again")["files"] == exported[1]["own-keras"]["files"]


@pytest.mark.long
def test_an_earlier_step_has_the_weights_that_were_trained_then(experiment, tmp_path):
    manifest = of(experiment, "cnn").export(tmp_path / "model", step=1)
    assert (manifest["step"], manifest["ended"]) == (1, False)
    assert manifest["weights_sha256"] != of(experiment, "cnn").weights_sha256


def test_weights_that_were_not_recorded_are_not_exported(tmp_path):
    answer, place = {"type": "done", "weights_sha256": "00"}, ExperimentPaths(tmp_path, 1)
    export._check(answer, "00", place, 1, tmp_path)
    export._check(answer, None, place, 1, tmp_path)  # the trial did not end there
    with pytest.raises(NotReproduced, match=r"weights have sha256 00, recorded was 11: what the trial does at its end"):
        export._check(answer, "11", place, 1, tmp_path)


def test_a_worker_that_fails_or_dies_is_told_with_what_it_said_of_files_that_stay(tmp_path):
    place = ExperimentPaths(tmp_path, ".new-1")
    place.logs.mkdir(parents=True)
    told = f"{place.model_definition}/model_def.py, line 3: a mistake"
    place.log(1).write_text(told)
    with pytest.raises(TrialFailed, match=r"^The model cannot be exported: /kept/model_def.py, line 3: a mistake"):
        export._check({"type": "failed", "kind": "code", "message": told}, None, place, 1, Path("/kept"))
    with pytest.raises(TrialFailed, match=r"was lost: killed by signal 9.\n/kept/model_def.py, line 3: a mistake"):
        export._check({"type": "lost", "reason": "killed by signal 9"}, None, place, 1, Path("/kept"))


@pytest.mark.long
def test_a_model_is_loaded_into_this_process_with_the_very_weights(experiment, monkeypatch):
    monkeypatch.syspath_prepend(WORKLOADS)
    scale = importlib.import_module("exported").Scale
    model = of(experiment, "own").load_model(custom_objects={"Scale": scale})
    data = np.load(experiment.home.path / "own.npz")
    assert weights_sha256(model) == of(experiment, "own").weights_sha256
    np.testing.assert_allclose(model.predict(data["x"], verbose=0), data["predicted"], rtol=1e-5)  # other pools here


@pytest.mark.long
def test_classes_that_are_missing_and_weights_that_are_others_are_named(exported):
    place, manifest = exported[0] / "own-keras" / "model.keras", exported[1]["own-keras"]
    with pytest.raises(InputError, match=r"classes or functions of your own: Scale.*\n.*{'Scale': Scale}"):
        load_keras(place, manifest, {})
    with pytest.raises(CheckpointError, match=r"holds weights of sha256 \w+, exported were 00"):
        load_keras(exported[0] / "cnn-keras" / "model.keras", {"custom_objects": [], "weights_sha256": "00"}, {})


@pytest.mark.long
def test_a_graph_has_no_keras_model(experiment, tmp_path):
    with pytest.raises(TrialDefinitionError, match=r"trains a graph.*--format saved_model"):
        of(experiment, "graph").export(tmp_path / "model")
    manifest = of(experiment, "graph").export(tmp_path / "graph", "saved_model")
    assert manifest["weights_sha256"] == of(experiment, "graph").weights_sha256
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]


@pytest.mark.long
def test_what_is_not_there_is_refused_with_what_there_is(experiment, tmp_path):
    trial = of(experiment, "cnn")
    with pytest.raises(StoreError, match=r"no checkpoint of step 7; steps with one: 1, 2"):
        trial.export(tmp_path / "model", step=7)
    with pytest.raises(InputError, match=r"no format 'onnx'; expected one of: keras, saved_model"):
        trial.export(tmp_path / "model", "onnx")
    with pytest.raises(InputError, match=r"exists already"):
        trial.export(tmp_path)
