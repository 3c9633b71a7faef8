"""Model definitions in the original system's style run unchanged."""

import pytest

from pedl.errors import NoTrialContext
from pedl.util import get_data_config, get_download_data_dir, is_valid_url

DEFINITION = """
import os
import numpy as np
import keras
import pedl
from pedl.frameworks.keras import KerasTrial
from pedl.frameworks.keras.data import InMemorySequence, KerasDataAdapter
from pedl.trial import MetricOp, ValidOp
from pedl.util import get_data_config, get_download_data_dir, get_experiment_config, get_hyperparameters, get_trial_id

UNITS = pedl.get_hyperparameter("units")


class Digits(KerasTrial):
    def __init__(self, hparams):
        self.units = hparams["units"]

    def session_config(self, hparams):
        return super().session_config()

    def build_model(self, hparams):
        assert UNITS == self.units == get_hyperparameters()["units"] and get_trial_id() == 1
        last = keras.layers.Dense(3, activation="softmax")
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(UNITS), last])

    def optimizer(self):
        return keras.optimizers.SGD(0.1)

    def loss(self):
        return keras.losses.sparse_categorical_crossentropy

    def batch_size(self):
        return 8

    def validation_metrics(self):
        return {"error": keras.metrics.sparse_categorical_crossentropy}

    def compute_validation_metrics(self, step_id):
        predicted = self.model.predict(np.ones((2, 4), "float32"), verbose=0)
        return {"num_inputs": 2, "validation_metrics": {"error": predicted.mean() + step_id, "all": predicted.mean(0)}}


def download_data(experiment_config, hparams):
    directory = experiment_config["data"]["to"]
    with open(os.path.join(directory, "calls"), "a") as file:
        file.write("x")
    return directory


def make_data_loaders(experiment_config, hparams):
    assert str(get_download_data_dir()) == get_data_config()["to"] == get_experiment_config()["data"]["to"]
    x, y = np.random.normal(size=(20, 4)).astype("float32"), np.arange(20) % 3
    training = KerasDataAdapter(InMemorySequence(x, y, 8), workers=4, use_multiprocessing=False)
    return training, KerasDataAdapter(InMemorySequence(x[:5], y[:5], 8))
"""

IMPORTS = {"from model_def import Digits": "absolutely", "from .model_def import Digits": "relatively"}


@pytest.mark.parametrize("line", IMPORTS, ids=IMPORTS.values())
def test_a_definition_runs_unchanged(alone, tmp_path, line):
    definition, data = tmp_path / "digits", tmp_path / "data"
    definition.mkdir()
    data.mkdir()
    (definition / "model_def.py").write_text(DEFINITION)
    (definition / "__init__.py").write_text(line)
    for _ in range(2):
        trained, validated, _ = alone(
            definition,
            ["train", 5],
            ["validate"],
            ["weights"],
            hparams={"units": 5},
            config={"data": {"to": str(data)}},
        )
    assert len(trained) == 1 and 1.3 < validated["error"] < 1.4 and len(validated["all"]) == 3 and "loss" in validated
    assert (data / "calls").read_text() == "x", "downloaded once"


def test_the_names_of_the_original_are_the_names_of_pedl():
    import pedl.frameworks.keras
    import pedl.frameworks.tensorflow
    from pedl import trial

    assert pedl.frameworks.keras.KerasTrial is trial.KerasTrial
    assert pedl.frameworks.keras.KerasFunctionalTrial is trial.KerasFunctionalTrial
    assert pedl.frameworks.tensorflow.TensorFlowTrial is trial.TensorFlowTrial


def test_a_url_has_a_scheme_and_a_host():
    for url in ("https://example.org/a.npz", "s3://bucket/key"):
        assert is_valid_url(url)
    for url in ("example.org", "/data/a.npz", "", "http://[broken"):
        assert not is_valid_url(url)


@pytest.mark.parametrize("helper", [get_data_config, get_download_data_dir])
def test_helpers_outside_a_trial_say_so(helper):
    with pytest.raises(NoTrialContext, match=r"but no trial runs in this process"):
        helper()
