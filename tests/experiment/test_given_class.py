"""A class that is handed over becomes the files that define it, and the modules beside them that they import."""

from __future__ import annotations

import importlib
import os
import site
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pedl.config import parse_config
from pedl.errors import ConfigError, TrialDefinitionError
from pedl.experiment import create_experiment
from pedl.experiment.beside import modules_beside
from pedl.experiment.given_class import files_of, with_entrypoint
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import FakeExecutor

ROOT = Path(__file__).parents[2]

FILES = {
    "alone_def.py": "class AloneTrial:\n    class Inner:\n        pass\n",
    "sharing_def.py": "import math, helping_def\n\nclass SharingTrial:\n    def run(self):\n        import later_def\n",
    "helping_def.py": "from helping_package.deep import x\n",
    "helping_package/deep.py": "x = 1\n",
    "later_def.py": "",
    "math.py": "raise ValueError\n",
    "packed_def/__init__.py": "",
    "packed_def/models.py": "from .layers import units\nimport alone_def\n\nclass PackedTrial:\n    pass\n",
    "packed_def/layers.py": "units = 3\n",
    "packed_def/template.py": "class {{ name }}:\n",
    "unrelated.py": "",
}
IMPORTED = ("alone_def", "sharing_def", "helping_def", "helping_package", "packed_def", "model_def")


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(tmp_path / "project")
    yield tmp_path / "project"
    for name in list(sys.modules):
        if name.partition(".")[0] in IMPORTED:
            del sys.modules[name]


@pytest.mark.parametrize(
    ("module", "name", "files"),
    [
        ("alone_def", "AloneTrial", {"alone_def.py"}),
        ("sharing_def", "SharingTrial",
         {"sharing_def.py", "helping_def.py", "helping_package/deep.py", "later_def.py"}),
        ("packed_def.models", "PackedTrial",
         {"packed_def/__init__.py", "packed_def/models.py", "packed_def/layers.py", "packed_def/template.py",
          "alone_def.py"}),
    ],
)  # fmt: skip
def test_the_definition_is_what_makes_the_imports_work(project, tmp_path, module, name, files):
    trial_class = getattr(importlib.import_module(module), name)
    made = create_experiment(configuration(), trial_class, tmp_path / "home", 7, FakeExecutor())
    copy = made.home.paths(1).model_definition
    assert {path.relative_to(copy).as_posix() for path in copy.rglob("*.py")} == files
    assert made.config.entrypoint == f"{module}:{name}"
    code = f"import {module}; print({module}.__file__)"
    found = subprocess.check_output(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": str(copy)}, text=True
    )
    assert Path(found.strip()).is_relative_to(copy)


def test_nothing_lies_beside_what_is_installed():
    folder = Path(pytest.__file__).parents[1]
    assert modules_beside(folder, ["pytest"]) == {}


def test_the_sites_of_the_user_and_of_a_distribution_are_installed_too(project, tmp_path, monkeypatch):
    assert list(modules_beside(project, ["alone_def"])) == ["alone_def.py"]
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(project))
    assert modules_beside(project, ["alone_def"]) == {}
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path))
    monkeypatch.setattr(site, "getsitepackages", lambda: [str(project)])
    assert modules_beside(project, ["alone_def"]) == {}


def test_a_module_of_the_same_name_that_is_imported_from_elsewhere_is_not_taken(project, tmp_path):
    names = ["pytest", "later_def", "alone"]  # loaded, to be had, and only here
    for name in names:
        (tmp_path / f"{name}.py").write_text("")
    assert list(modules_beside(tmp_path, names)) == ["alone.py"]


def test_a_module_that_is_imported_and_is_no_python_is_named(project):
    (project / "later_def.py").write_text("class {{ name }}:\n")
    with pytest.raises(TrialDefinitionError, match=r"later_def.py cannot be read as Python: .*Fix it, or do not"):
        modules_beside(project, ["sharing_def"])


def test_a_class_that_its_module_does_not_have_is_refused(project):
    inner = importlib.import_module("alone_def").AloneTrial.Inner
    refused = pytest.raises(TrialDefinitionError, match="Inner cannot be imported from its module alone_def")
    with refused, files_of(inner):
        pass


def in_memory(name: str, monkeypatch: pytest.MonkeyPatch, file: Path | None = None) -> type:
    """Returns a class of a module that is made here, and loaded if it has a file."""
    module = ModuleType(name)
    exec("class MadeTrial:\n    pass\n", vars(module))
    if file is not None:
        module.__file__ = str(file)
        monkeypatch.setitem(sys.modules, name, module)
    return module.MadeTrial


@pytest.mark.parametrize("kind", ["made by code", "gone", "compiled", "built in"])
def test_a_class_of_a_module_without_a_file_of_python_is_refused(kind, tmp_path, monkeypatch):
    (tmp_path / "made_def.so").write_bytes(b"\x7fELF")
    trial_class = {
        "made by code": lambda: in_memory("made_def", monkeypatch),
        "gone": lambda: in_memory("made_def", monkeypatch, tmp_path / "gone.py"),
        "compiled": lambda: in_memory("made_def", monkeypatch, tmp_path / "made_def.so"),
        "built in": lambda: int,
    }[kind]()
    told = (
        rf"class {trial_class.__name__} is of the module {trial_class.__module__}, which has no file of Python; "
        r"expected a class of a script, (?s:.)*Write the class into a .py file, and hand over the class"
    )
    with pytest.raises(TrialDefinitionError, match=told), files_of(trial_class):
        pass


@pytest.mark.parametrize(
    ("imported", "files", "module"),
    [
        ("later_def", {"model_def.py": "x = 1\n"}, "model_def"),
        ("model_def", {"model_def.py": "x = 1\n"}, "model_def_2"),
        ("helping_def", {"model_def.py": "x = 1\n", "helping_def.py": "def late():\n    import model_def\n"},
         "model_def_2"),
        ("model_def", {"model_def/__init__.py": "def late():\n    import model_def_2\n"}, "model_def_3"),
    ],
    ids=["not imported", "imported", "imported by what is imported", "a package"],
)  # fmt: skip
def test_what_is_written_down_has_a_name_that_nothing_beside_imports(project, monkeypatch, imported, files, module):
    script = f"import {imported}\n\n\nclass MainTrial:\n    def run(self):\n        return {imported}\n"
    for name, text in {**files, "script.py": script}.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(text)
    main = ModuleType("__main__")
    main.__file__ = str(project / "script.py")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(compile(script, main.__file__, "exec"), vars(main))
    with files_of(main.MainTrial) as given:
        assert given.entrypoint == f"{module}:MainTrial"
        assert "class MainTrial" in (given.directory / f"{module}.py").read_text()
        for name, text in files.items() if module != "model_def" else ():
            assert (given.directory / name).read_text() == text


def test_two_entrypoints_are_one_too_many(project):
    trial_class = importlib.import_module("alone_def").AloneTrial
    config = parse_config(configuration(entrypoint="model_def:Other"))
    with files_of(trial_class) as given, pytest.raises(ConfigError, match=r"found 'model_def:Other', and the class Al"):
        with_entrypoint(config, given)


SCRIPT = """\
import keras
import pedl
from pedl.trial import KerasTrial
from helping import data

UNITS = [8]


class ScriptTrial(KerasTrial):
    def build_model(self, hparams):
        if hparams["wrong"]:
            raise ValueError("a mistake")
        layers = self.seeded.layers
        hidden = [layers.Dense(units, name=f"hidden{units}") for units in UNITS]
        return keras.Sequential([keras.Input((20,)), *hidden, layers.Dense(3, activation="softmax", name="out")])

    def optimizer(self):
        return keras.optimizers.Adam(0.01)

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return 16

    def validation_metrics(self):
        return {"accuracy": "accuracy"}

    def make_data_loaders(self, experiment_config, hparams):
        return data(100), data(20)


def config(wrong):
    return {
        "hyperparameters": {"wrong": wrong, "number": {"type": "categorical", "vals": [1, 2]}},
        "searcher": {"name": "grid", "metric": "accuracy", "max_steps": 1},
        "batches_per_step": 2,
    }


print("begins")
experiment = pedl.create_experiment(config(False), ScriptTrial, seed=3, keep_warm=True)
experiment.run(workers=2)
print("outcome", experiment.outcome_sha256, experiment.best_trial.hparams)
"""

HELPING = """\
import numpy as np


def data(count):
    x = np.random.default_rng(3).normal(size=(count, 20))
    return x, x[:, :3].argmax(axis=1)
"""


@pytest.fixture
def script(tmp_path):
    """Runs a script in a directory with `helping.py`, and returns it ended."""
    (tmp_path / "helping.py").write_text(HELPING)

    def run(text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(text)
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [sys.executable, "script.py"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )

    return run


@pytest.mark.soak  # docs/python.md runs such a script by default
def test_a_class_of_a_plain_script_is_trained_and_the_script_runs_once(script, tmp_path):
    done = script(SCRIPT)
    begins, outcome = [line for line in done.stdout.splitlines() if line.split()[0] in ("begins", "outcome")]
    assert begins == "begins", done.stderr
    assert outcome.startswith("outcome ") and len(outcome.split()[1]) == 64
    copy = tmp_path / ".pedl" / "experiments" / "1" / "model_definition"
    assert sorted(path.name for path in copy.iterdir()) == ["helping.py", "model_def.py"]


@pytest.mark.soak
def test_what_was_written_down_is_the_same_experiment_as_a_directory(script, tmp_path):
    outcome = script(SCRIPT).stdout.partition("outcome ")[2].split()[0]
    copy = tmp_path / ".pedl" / "experiments" / "1" / "model_definition"
    again = create_experiment({**CONFIG, "entrypoint": "model_def:ScriptTrial"}, copy, tmp_path / "home", 3)
    again.run(workers=1)
    assert again.outcome_sha256 == outcome


@pytest.mark.soak
def test_a_mistake_in_the_class_is_shown_where_it_stands(script):
    done = script(SCRIPT.replace("config(False)", "config(True)"))
    assert 'File "<ScriptTrial>/model_def.py"' in done.stderr and "ValueError: a mistake" in done.stderr


CONFIG = {
    "hyperparameters": {"wrong": False, "number": {"type": "categorical", "vals": [1, 2]}},
    "searcher": {"name": "grid", "metric": "accuracy", "max_steps": 1},
    "batches_per_step": 2,
}
