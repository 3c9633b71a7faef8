"""A training process stands in its model definition, wherever the command was given."""

from pathlib import Path

import numpy as np

from tests.trial.alone import WORKLOADS

RELATIVE = """
import numpy as np

from mlp import MlpTrial as _MlpTrial


class RelativeTrial(_MlpTrial):
    def make_data_loaders(self, experiment_config, hparams):
        x = np.load("numbers.npy")
        return (x, x[:, 0] > 0), (x, x[:, 0] > 0)
"""


def test_relative_paths_lead_to_the_model_definition(alone, tmp_path, monkeypatch):
    definition = tmp_path / "definition"
    definition.mkdir()
    (definition / "model_def.py").write_text(RELATIVE)
    (definition / "mlp.py").write_bytes((WORKLOADS / "mlp.py").read_bytes())
    np.save(definition / "numbers.npy", np.arange(320.0).reshape(16, 20) - 100)
    assert Path.cwd() != definition
    assert len(alone(definition, ["train", 5])[0]) == 1
