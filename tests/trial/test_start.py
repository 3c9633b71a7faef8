"""A training process stands in its model definition, wherever the command was given."""

from pathlib import Path

import numpy as np
import pytest

from tests.trial.alone import WORKLOADS, Failed

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


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("random.py", r"random\.py has the name of a module that is loaded already.*another name"),
        ("my-trial.py", "'my-trial'.*letters, digits"),
    ],
)
def test_a_file_that_python_could_not_import_under_its_name_is_refused(alone, tmp_path, name, message):
    definition = tmp_path / name
    definition.write_bytes((WORKLOADS / "mlp.py").read_bytes())
    with pytest.raises(Failed, match=message):
        alone(definition, ["train", 1])


def test_a_folder_whose_name_begins_like_the_definitions_is_another_place(alone, tmp_path):
    (tmp_path / "definition2").mkdir()
    (tmp_path / "definition2" / "mlp.py").write_bytes((WORKLOADS / "mlp.py").read_bytes())
    definition = tmp_path / "definition"
    definition.mkdir()
    elsewhere = str(tmp_path / "definition2")
    (definition / "model_def.py").write_text(f"import sys; sys.path.append({elsewhere!r}); from mlp import MlpTrial\n")
    with pytest.raises(Failed, match="exactly one trial class, and has none"):
        alone(definition, ["train", 1])
