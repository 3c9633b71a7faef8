"""`pedl experiment create` tells each mistake in a model definition: exit code 2, culprit, remedy, nothing made."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import pedl.experiment
from pedl.cli.main import cli
from pedl.experiment import load_experiment
from tests.marks import long_but
from tests.promises.commands import Ended, write_config
from tests.promises.commands import pedl as pedl_command
from tests.promises.shared_executor import SharedExecutor

GOOD = '''\
"""A small model on no data to speak of."""
import keras
import numpy as np
import tensorflow as tf
from pedl.trial import KerasTrial


class MyTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential([keras.Input((4,)), layers.Dense(3, activation="softmax", name="out")])

    def optimizer(self):
        return keras.optimizers.SGD(0.1)

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return {"accuracy": "accuracy"}

    def make_data_loaders(self, experiment_config, hparams):
        x, y = np.ones((8, 4)), np.zeros((8,), int)
        return (x, y), (x, y)
'''

CONFIG: dict[str, Any] = {
    "hyperparameters": {"rate": 0.1},
    "searcher": {"name": "single", "metric": "accuracy", "smaller_is_better": False, "max_steps": 1},
    "batches_per_step": 2,
}


@dataclass(frozen=True)
class Bad:
    """A mistake: what is replaced in GOOD, or in the configuration, and what must be said about it."""

    old: str
    new: str
    says: tuple[str, ...]
    config: dict[str, Any] = field(default_factory=dict)
    file: str = "model_def.py"


def hook(name: str, body: str, *says: str, **more: Any) -> Bad:
    """A mistake in the body of a method."""
    whole = re.search(rf"    def {name}\(.*?\n(?=\n|\Z)", GOOD, re.DOTALL)
    assert whole is not None
    head = whole[0].splitlines(keepends=True)[0]
    return Bad(whole[0], f"{head}        {body}\n", says, **more)


def beside(text: str, *says: str, **more: Any) -> Bad:
    """A mistake before the class."""
    return Bad("\n\nclass MyTrial", f"\n{text}\n\n\nclass MyTrial", says, **more)


def method(text: str, *says: str, **more: Any) -> Bad:
    """A mistake in a method that is added."""
    return Bad("    def batch_size", f"    {text}\n\n    def batch_size", says, **more)


def lacking(name: str, signature: str) -> Bad:
    whole = re.search(rf"    def {name}\(.*?\n(?=\n|\Z)", GOOD, re.DOTALL)
    assert whole is not None
    return Bad(whole[0], "", ("MyTrial lacks 1 method", "KerasTrial must have. Add:", f"def {name}{signature}"))


SEQUENCE = """class Data(keras.utils.PyDataset):
    def __len__(self):
        return {length}

    def __getitem__(self, index):
        return {item}
"""


def sequence(item: str, *says: str, length: str = "2") -> tuple[str, str, tuple[str, ...]]:
    return item, length, says


IMPORT = {
    "a module that is not installed": beside("import no_such_module", "No module named 'no_such_module'", "line 7"),
    "a syntax error": beside("x = = 1", "SyntaxError: invalid syntax", "model_def.py", "line 7"),
    "an unknown name": beside("print(undefined_name)", "line 7", "NameError: name 'undefined_name' is not defined"),
    "an exit": beside("raise SystemExit(3)", "line 7", "SystemExit: 3"),
    "eager execution turned off": beside(
        "tf.compat.v1.disable_eager_execution()", "turned eager execution off", "Remove that call"
    ),
    "no model_def.py": Bad(
        "", "", ("neither __init__.py nor model_def.py", "other.py", "entrypoint:"), file="other.py"
    ),
}

CLASS = {
    "no build_model": lacking("build_model", "(self, hparams: Mapping[str, Any]) -> keras.Model"),
    "no optimizer": lacking("optimizer", "(self) -> keras.optimizers.Optimizer"),
    "no loss": lacking("loss", "(self) -> Any"),
    "no batch_size": lacking("batch_size", "(self) -> int"),
    "no validation_metrics": lacking("validation_metrics", "(self) -> Mapping[str, Any]"),
    "no trial class": Bad("(KerasTrial)", "", ("exactly one trial class, and has none", 'entrypoint: "')),
    "two trial classes": Bad(
        "        return (x, y), (x, y)\n",
        "        return (x, y), (x, y)\n\n\nclass Another(MyTrial):\n    pass\n",
        ("exactly one trial class, and has several: Another, MyTrial", 'entrypoint: "model_def:Another"'),
    ),
    "an entrypoint of no such class": Bad(
        "", "", ("model_def has no 'YourTrial'", "It has: ", "MyTrial"), {"entrypoint": "model_def:YourTrial"}
    ),
    "an entrypoint of no such module": Bad(
        "", "", ("has no module 'models'", "Check `entrypoint`"), {"entrypoint": "models:MyTrial"}
    ),
    "an entrypoint that is no class": Bad(
        "", "", ("entrypoint 'model_def:np' is", "expected a subclass of KerasTrial"), {"entrypoint": "model_def:np"}
    ),
    "an __init__ that raises": method(
        "def __init__(self, hparams):\n        self.x = [][3]", "in __init__", "IndexError: list index out of range"
    ),
}

HOOKS = {
    "optimizer() None": hook("optimizer", "pass", "MyTrial.optimizer() returned None", "keras.optimizers.Adam("),
    "optimizer() unknown": hook("optimizer", "return 'sdg'", "MyTrial.optimizer()", "optimizer identifier: sdg"),
    "optimizer() a number": hook("optimizer", "return 0.1", "MyTrial.optimizer()", "optimizer identifier: 0.1"),
    "an unknown hyperparameter": hook(
        "optimizer",
        "return keras.optimizers.SGD(self.hparams['rates'])",
        "model_def.py:14: there is no hyperparameter rates",
        "there are rate; did you mean `rate`?",
    ),
    "loss() None": hook("loss", "pass", "MyTrial.loss() returned None", "for example: 'sparse_categorical"),
    "loss() unknown": hook(
        "loss", "return 'msee'", "MyTrial.loss() is 'msee', which is not a Keras loss; did you mean `mse`?", "or give"
    ),
    "loss() a number": hook("loss", "return 3", "MyTrial.loss() is 3, expected a function f(y_true, y_pred)"),
    "build_model() None": hook(
        "build_model", "pass", "MyTrial.build_model() returned NoneType, expected a keras.Model", "return model"
    ),
    "build_model() a list": hook("build_model", "return []", "build_model() returned list, expected a keras.Model"),
    "build_model() raises": hook("build_model", "return hparams.units", "in build_model", "'units'"),
    "a layer of no size": hook(
        "build_model", "return keras.Sequential([self.seeded.layers.Dense(-3)])", "in build_model", "units=-3"
    ),
    "a layer that does not exist": hook(
        "build_model", "return self.seeded.layers.Densee(3)", "in build_model", "Densee", "Dense"
    ),
    "a layer's name twice": hook(
        "build_model",
        "return [self.seeded.layers.Dense(3, name='same') for _ in range(2)]",
        "self.seeded made a Dense named 'same'",
        "Give one another name",
    ),
    "batch_size() 0": hook(
        "batch_size", "return 0", "MyTrial.batch_size() returned 0, expected an integer of at least 1"
    ),
    "batch_size() a text": hook("batch_size", "return '32'", "MyTrial.batch_size() returned '32', expected an integer"),
    "batch_size() a truth": hook(
        "batch_size", "return True", "MyTrial.batch_size() returned True, expected an integer"
    ),
    "batch_size() a fraction": hook(
        "batch_size", "return 2.5", "MyTrial.batch_size() returned 2.5, expected an integer"
    ),
    "batch_size() None": hook("batch_size", "pass", "MyTrial.batch_size() returned None, expected an integer"),
    "validation_metrics() a list": hook(
        "validation_metrics",
        "return ['accuracy']",
        "returned ['accuracy'], expected a dict",
        '{"accuracy": "accuracy"}',
    ),
    "validation_metrics() None": hook(
        "validation_metrics", "pass", "validation_metrics() returned None, expected a dict"
    ),
    "an unknown metric": hook(
        "validation_metrics",
        "return {'accuracy': 'acuracy'}",
        "metric 'accuracy' is 'acuracy'",
        "not the name of a Keras metric; did you mean `accuracy`?",
    ),
    "a metric that is a number": hook(
        "validation_metrics", "return {'accuracy': 1}", "metric 'accuracy' is int '1', expected a function"
    ),
    "a metric named loss": hook(
        "validation_metrics", "return {'loss': 'accuracy'}", "named 'loss'", "Give the metric another name"
    ),
    "a metric that raises": hook(
        "validation_metrics", "return {'accuracy': lambda y, p: y.nothing}", "no attribute 'nothing'", "model_def.py"
    ),
    "training_metrics() a text": method(
        "def training_metrics(self):\n        return 'accuracy'",
        "training_metrics() returned 'accuracy', expected a dict",
    ),
    "a searcher.metric that is none": Bad(
        "",
        "",
        ("searcher.metric: found 'f1', expected a validation metric of the trial: accuracy, loss",),
        {"searcher": {**CONFIG["searcher"], "metric": "f1"}},
    ),
    "a model that is not compiled": method(
        "def compile_model(self, model):\n        pass", "compile_model() did not compile", "Call model.compile(...)"
    ),
    "jit_compile": method(
        "def compile_model(self, model):\n        model.compile('sgd', 'mse', jit_compile=True)",
        "asks for jit_compile=True",
        "Leave jit_compile out",
    ),
}

SESSION = {
    "session_config() None": method(
        "def session_config(self):\n        pass",
        "MyTrial.session_config() returned NoneType, expected a tf.compat.v1.ConfigProto",
        "super().session_config()",
    ),
    "session_config() with a field that cannot be applied": method(
        "def session_config(self):\n        return tf.compat.v1.ConfigProto(use_per_session_threads=True)",
        "session_config() sets use_per_session_threads, which cannot be applied",
        "Leave it out",
    ),
    "session_config() with the machine's threads": method(
        "def session_config(self):\n        return tf.compat.v1.ConfigProto(intra_op_parallelism_threads=0)",
        "sets intra_op_parallelism_threads to 0",
        "Start from super().session_config()",
    ),
    "session_config() that changes": method(
        "def session_config(self):\n        import os\n        return tf.compat.v1.ConfigProto("
        "intra_op_parallelism_threads=2 + os.getpid() % 1000, inter_op_parallelism_threads=1)",
        "MyTrial.session_config() gave",
        "expected the same answer",
    ),
}


def data(body: str, *says: str) -> Bad:
    return hook("make_data_loaders", body, *says)


DATA = {
    "no make_data_loaders": Bad(
        "    def make_data_loaders",
        "    def make_data",
        ("MyTrial has no data", "make_data_loaders(self, experiment_config"),
    ),
    "no loaders": data("pass", "make_data_loaders() returned NoneType, expected two loaders", "for example"),
    "one loader": data("return np.ones((8, 4))", "make_data_loaders() returned ndarray, expected two loaders"),
    "three loaders": data("return 1, 2, 3", "make_data_loaders() returned tuple of 3, expected two loaders"),
    "numbers as loaders": data("return 1, 2", "the training data of MyTrial is int, expected arrays (x, y)"),
    "a validation set that is None": data(
        "return (np.ones((8, 4)), np.zeros(8)), None", "the validation data of MyTrial is NoneType, expected arrays"
    ),
    "no samples": data(
        "return (np.ones((0, 4)), np.zeros(0)), (np.ones((8, 4)), np.zeros(8))",
        "the training data of MyTrial is empty",
        "Check what make_data_loaders reads",
    ),
    "no samples to validate": data(
        "return (np.ones((8, 4)), np.zeros(8)), (np.ones((0, 4)), np.zeros(0))",
        "the validation data of MyTrial is empty",
    ),
    "different lengths": data(
        "return (np.ones((8, 4)), np.zeros(7)), (np.ones((8, 4)), np.zeros(8))",
        "the training data of MyTrial has arrays of different lengths, (8, 4), (7,)",
    ),
    "texts": data(
        "return (np.array(['a'] * 8), np.zeros(8)), (np.ones((8, 4)), np.zeros(8))",
        "the training data of MyTrial holds ndarray of dtype <U1",
        "Encode text",
    ),
    "objects": data(
        "return (np.array([{}] * 8), np.zeros(8)), (np.ones((8, 4)), np.zeros(8))", "holds ndarray of dtype object"
    ),
    "ragged lists": data(
        "return ([[1.0], [1.0, 2.0]], np.zeros(2)), (np.ones((8, 4)), np.zeros(8))",
        "the training data of MyTrial holds a list that is not an array",
        "Pad what differs in length",
    ),
    "weights without labels": data(
        "return (np.ones((8, 4)), None, np.ones(8)), (np.ones((8, 4)), np.zeros(8))", "sample weights but no y"
    ),
    "inputs that do not fit": data(
        "return ((np.ones((8, 5)), np.zeros(8)),) * 2",
        "A batch of the training data does not go through the model",
        "x float32 (4, 5), y float32 (4,). Compare these shapes",
        "expected axis -1 of input shape to have value 4",
    ),
    "labels that do not fit": data(
        "return ((np.ones((8, 4)), np.zeros((8, 7))),) * 2",
        "A batch of the training data does not go through the model, its loss and its metrics",
        "x float32 (4, 4), y float32 (4, 7). Compare these shapes",
        "target.shape=(4, 7), output.shape=(4, 3)",
    ),
    "labels that do not fit where it is validated": data(
        "return (np.ones((8, 4)), np.zeros(8)), (np.ones((8, 4)), np.zeros((8, 7)))",
        "A batch of the validation data does not go through the model, its loss and its metrics",
    ),
    "labels that are no class": data(
        "return (np.ones((8, 4)), np.full(8, 3)), (np.ones((8, 4)), np.zeros(8))",
        "The first batch of the training data fits the model",
        "Compare its values, such as its labels",
        "InvalidArgumentError",
        "sparse_categorical_crossentropy",
    ),
    "labels that are no class where it is validated": data(
        "return (np.ones((8, 4)), np.zeros(8)), (np.ones((8, 4)), np.full(8, -1))",
        "The first batch of the validation data fits the model",
        "= -1 is not in [0, 3)",
    ),
    "a file that is not there": data(
        "return open('model_def.txt')",
        "in make_data_loaders",
        "model_def.txt was looked for in ",
        "/definition; did you mean `model_def.py`?\nRelative paths are those of the experiment's copy",
    ),
    "an error of the user's": data("return open('/no/such/file')", "in make_data_loaders", "No such file or directory"),
}


def with_sequence(item: str, *says: str, length: str = "2") -> Bad:
    """A PyDataset, after the good trial, that is its data."""
    old = "        return (x, y), (x, y)\n"
    return Bad(old, "        return Data(), Data()\n\n\n" + SEQUENCE.format(item=item, length=length), says)


SEQUENCES = {
    "a data set of no batches": with_sequence(
        "0", "the training data of MyTrial is empty: its length is 0", length="0"
    ),
    "an item that is a text": with_sequence("'text'", "the training data of MyTrial[0] yielded", "'text'"),
    "an item of four": with_sequence("(np.ones((4, 4)),) * 4", "[0] yielded a tuple of 4", "expected (x, y)"),
    "an item of no samples": with_sequence(
        "np.ones((0, 4)), np.zeros(0)", "[0] yielded a tuple of 2", "the same number of samples, at least one"
    ),
    "an item that raises": with_sequence("1 / 0", "in __getitem__", "ZeroDivisionError"),
}

EVERY = {**IMPORT, **CLASS, **HOOKS, **SESSION, **DATA, **SEQUENCES}


@pytest.fixture(scope="module")
def executor() -> Iterator[SharedExecutor]:
    shared = SharedExecutor()
    yield shared
    shared.close_for_good()


@pytest.fixture
def create(
    executor: SharedExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Any:
    """Runs `pedl experiment create` in this process, with one warm server for all."""
    with_executor = functools.partial(pedl.experiment.create_experiment, make_executor=executor)
    monkeypatch.setattr(pedl.experiment, "create_experiment", with_executor)

    def run(bad: Bad) -> Ended:
        with pytest.raises(SystemExit) as caught:
            cli(["--home", str(tmp_path / "home"), "experiment", "create", *written(bad, tmp_path)], prog_name="pedl")
        out, err = capsys.readouterr()
        return Ended(int(caught.value.code or 0), out, err)

    return run


def written(bad: Bad, directory: Path) -> tuple[str, str]:
    """Writes the configuration and the model definition with a mistake; returns them as words of a command."""
    assert bad.old in GOOD
    definition = directory / "definition"
    definition.mkdir()
    (definition / bad.file).write_text(GOOD.replace(bad.old, bad.new, 1) if bad.old else GOOD)
    return str(write_config(directory / "config.yaml", **{**CONFIG, **bad.config})), str(definition)


def told(ended: Ended, bad: Bad, home: Path) -> None:
    """The law: exit code 2, culprit and remedy, no frame but the user's, nothing created."""
    print(ended.err)
    missing = [words for words in bad.says if words not in ended.err]
    assert missing == [], ended.err
    frames = re.findall(r'File "([^"]+)"', ended.err)
    assert [file for file in frames if "model_def.py" not in file] == []
    assert (ended.code, ended.out) == (2, "")
    assert not home.exists()


@pytest.mark.parametrize("name", EVERY)
def test_a_mistake_is_told_and_nothing_is_created(create: Any, tmp_path: Path, name: str) -> None:
    told(create(EVERY[name]), EVERY[name], tmp_path / "home")


def test_what_is_right_is_not_refused(create: Any, tmp_path: Path) -> None:
    """The twin: without a mistake the same command trains; what was refused above was refused for its mistake."""
    ended = create(Bad("", "", ()))
    assert (ended.code, "COMPLETED" in ended.out) == (0, True)


BY_COMMAND = ("a module that is not installed", "no optimizer", "batch_size() 0", "labels that do not fit")


@pytest.mark.parametrize("name", long_but(BY_COMMAND[-1:], BY_COMMAND))
def test_the_command_in_a_process_of_its_own_tells_the_same(tmp_path: Path, name: str) -> None:
    home = tmp_path / "home"
    told(pedl_command(home, "experiment", "create", *written(EVERY[name], tmp_path)), EVERY[name], home)


WHILE_TRAINING = """
class Data(keras.utils.PyDataset):
    def __init__(self, trouble):
        super().__init__()
        self.trouble = trouble

    def __len__(self):
        return 3

    def __getitem__(self, index):
        x, y = np.ones((4, 4)), np.zeros((4,), int)
        if index == 1 and self.trouble == "raises":
            return self.no_such_attribute
        if index == 1 and self.trouble == "exits":
            raise SystemExit("enough")
        if index == 1 and self.trouble == "is empty":
            return x[:0], y[:0]
        if index == 1 and self.trouble == "has labels that do not exist":
            return x, y + 3
        if index == 1 and self.trouble == "is not a number":
            return x * np.nan, y
        return x, y
"""

TROUBLES = {
    "raises": ("in __getitem__", "AttributeError: 'Data' object has no attribute 'no_such_attribute'"),
    "exits": ("in __getitem__", "SystemExit: enough"),
    "is empty": ("the training data of MyTrial[1] yielded", "at least one"),
    "has labels that do not exist": ("InvalidArgumentError", "sparse_categorical_crossentropy"),
    "is not a number": ("loss became NaN in step 1 (batches 1 to 2)", "Lower the learning rate"),
}


def troubled(vals: list[str]) -> Bad:
    """A grid whose trials come to grief while they are trained, in the way that a hyperparameter names."""
    config = {
        "hyperparameters": {"data": {"type": "categorical", "vals": vals}},
        "searcher": {"name": "grid", "metric": "accuracy", "smaller_is_better": False, "max_steps": 2},
    }
    old = "        return (x, y), (x, y)\n"
    new = "        return Data(hparams['data']), (x, y)\n\n" + WHILE_TRAINING
    return Bad(old, new, (), config)


def test_trials_that_fail_while_they_are_trained_rank_last_and_the_others_go_on(create: Any, tmp_path: Path) -> None:
    ended = create(troubled(["is fine", *TROUBLES]))
    described = load_experiment(1, tmp_path / "home").describe()
    fine, *failed = described["trials"]
    assert (ended.code, described["state"], described["best_trial"]) == (0, "COMPLETED", fine["id"])
    assert [trial["state"] for trial in described["trials"]] == ["COMPLETED"] + ["ERROR"] * len(TROUBLES)
    for trial in failed:
        said = trial["messages"][-1]
        print(said)
        assert [words for words in TROUBLES[trial["hparams"]["data"]] if words not in said] == [], said
        assert [file for file in re.findall(r'File "([^"]+)"', said) if "model_def.py" not in file] == []
        assert f"Failed trials: {', '.join(str(trial['id']) for trial in failed)}" in ended.err


def test_an_experiment_whose_trials_all_fail_ends_with_1(create: Any, tmp_path: Path) -> None:
    ended = create(troubled(["is not a number", "raises"]))
    assert (ended.code, load_experiment(1, tmp_path / "home").state) == (1, "ERROR")
    assert "Failed trials: 1, 2. The first, with data=is not a number, said:" in ended.err
    assert "trial logs 1/1" in ended.err
