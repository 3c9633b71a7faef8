"""What leaves as a `.keras` file is the model: same weights, same predictions, whatever it is called and made of."""

from __future__ import annotations

import errno
import importlib.util
import os
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.keras_export import export_keras
from pedl.trial.weights import weights_sha256

X = np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3)


def nested():
    noise = keras.Sequential([keras.layers.GaussianNoise(0.1), keras.layers.Dense(3, kernel_initializer="ones")])
    return keras.Sequential([keras.layers.Input((3,)), noise, keras.layers.Dense(2, kernel_initializer="ones")])


def activated(function):
    return keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, activation=function)])


@keras.saving.register_keras_serializable("tests")
class Forgetful(keras.layers.Layer):
    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x):
        return self.factor * x

    def get_config(self):
        return super().get_config()


def test_a_hash_of_weights_depends_neither_on_earlier_models_nor_on_a_way_through_a_file(tmp_path):
    first, second = nested(), nested()
    assert first.name != second.name
    first.save(tmp_path / "first.keras")
    loaded = keras.models.load_model(tmp_path / "first.keras")
    assert weights_sha256(first) == weights_sha256(second) == weights_sha256(loaded)


def test_a_hash_of_weights_depends_on_no_scope_that_a_trace_entered_again(tmp_path):
    keras.backend.clear_session()
    layers = [keras.layers.Dense(units, kernel_initializer="ones") for units in (2, 1)]
    traced = keras.Sequential(layers)
    tf.function(lambda x: traced(x))(X)
    assert "dense_1_1/" in traced.weights[-1].value.name
    traced.save(tmp_path / "traced.keras")
    assert weights_sha256(keras.models.load_model(tmp_path / "traced.keras")) == weights_sha256(traced)


def test_a_full_disk_is_told_as_that(tmp_path, monkeypatch):
    model = nested()

    def save(file):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

    monkeypatch.setattr(model, "save", save)
    with pytest.raises(OSError, match="No space left on device"):
        export_keras(model, X, tmp_path / "model.keras", tmp_path)


def test_a_model_within_a_model_is_exported(tmp_path):
    assert export_keras(nested(), X, tmp_path / "model.keras", tmp_path) == []


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.Sequential([keras.layers.Input((3,)), Forgetful(2.0), keras.layers.Dense(2)]),
        lambda: activated(_named("relu")),
    ],
    ids=["get_config leaves something out", "a function named as one of Keras's"],
)
def test_a_model_that_predicts_otherwise_when_it_is_loaded_is_refused(tmp_path, make):
    with pytest.raises(TrialDefinitionError, match="predicts otherwise than the trial's"):
        export_keras(make(), X, tmp_path / "model.keras", tmp_path)


def test_a_function_named_as_an_operation_of_keras_is_one_to_hand_over(tmp_path):
    (tmp_path / "model_def.py").write_text("def square(x):\n    return x * x + 1\n")
    square = _imported(tmp_path / "model_def.py").square
    assert export_keras(activated(square), X, tmp_path / "model.keras", tmp_path) == ["square"]


def _named(name):
    def function(x):
        return 2 * x

    function.__name__ = name
    return function


def _imported(file):
    spec = importlib.util.spec_from_file_location("an_exported_definition", file)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
