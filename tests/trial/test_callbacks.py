"""Callbacks go on exactly where they were, stop a trial for good, and are refused where their state would be lost."""

import json
import math
import shutil

import keras
import ml_dtypes
import numpy as np
import pytest

import pedl
from pedl.errors import CheckpointError, TrialDefinitionError
from pedl.trial.keras_callbacks import KerasCallbacks
from pedl.trial.plain_state import packed, unpacked
from pedl.trial.state import WholeState, raw
from tests.trial.alone import WORKLOADS, Failed

EPOCH = ["epoch"]
KINDS = (
    ["plateau", "scheduler", "batches", "own"],
    ["early_stopping"],
    ["accuracy"],
    ["average"],
    ["checkpoint", "tensorboard"],
)


@pytest.mark.long
@pytest.mark.parametrize("kinds", KINDS, ids=" ".join)
def test_each_callback_with_a_state_goes_on_exactly(alone, tmp_path, kinds):
    hparams = {"kinds": kinds, "to": str(tmp_path / "logs")}
    whole = alone(
        *("callbacks", ["train", 5], EPOCH, ["train", 5], EPOCH, ["train", 5], EPOCH, ["train", 2], ["words"], ["end"]),
        *(["weights"], ["python", __name__, "told"]),
        hparams=hparams,
    )
    saved = alone("callbacks", ["train", 5], EPOCH, ["train", 2], ["save", str(tmp_path)], hparams=hparams)[-1]
    resumed = alone(
        *("callbacks", ["load", saved["path"]], ["train", 3], EPOCH, ["train", 5], EPOCH, ["train", 2], ["words"]),
        *(["end"], ["weights"], ["python", __name__, "told"]),
        hparams=hparams,
    )
    assert resumed[-4:] == whole[-4:]
    assert [event[:2] for event in whole[-1]] == [[kind, step] for step in (1, 2, 3) for kind in ("step", "validation")]


@pytest.mark.long
def test_a_graph_tells_its_callbacks_and_keeps_their_state(alone, tmp_path):
    definition = tmp_path / "definition"
    definition.mkdir()
    for name in ("graph", "mlp", "callbacks"):
        shutil.copy(WORKLOADS / f"{name}.py", definition)
    (definition / "__init__.py").write_text(TOLD_GRAPH)
    actions = ["train", 5], EPOCH, ["train", 2]
    *_, saved = alone(definition, *actions, ["save", str(tmp_path)])
    rest = ["train", 3], EPOCH, ["words"], ["end"], ["weights"], ["python", __name__, "told"]
    whole = alone(definition, *actions, *rest)
    assert alone(definition, ["load", saved["path"]], *rest)[-4:] == whole[-4:]
    assert [event[:2] for event in whole[-1]] == [[kind, step] for step in (1, 2) for kind in ("step", "validation")]


TOLD_GRAPH = """
from .callbacks import Told
from .graph import GraphTrial as _GraphTrial


class ToldTrial(_GraphTrial):
    def callbacks(self):
        self.told = Told()
        return [self.told]
"""


def told(run, started):
    return started.trial.told.events


@pytest.mark.long
def test_what_is_changed_when_training_begins_is_compiled_in_as_by_fit_and_after_a_resume(alone, tmp_path):
    tuned, untuned = {"kinds": ["tuned"]}, {"kinds": []}
    first, saved, *whole = alone("callbacks", ["train", 5], ["save", str(tmp_path)], *AGAIN, hparams=tuned)
    assert first != alone("callbacks", ["train", 5], hparams=untuned)[0]
    assert alone("callbacks", ["load", saved["path"]], *AGAIN, hparams=tuned)[1:] == whole


AGAIN = [["train", 5], ["words"], ["weights"]]


@pytest.mark.long
def test_a_callback_changes_the_weights_of_a_source_and_not_the_other_way_round(alone, tmp_path):
    source = alone("callbacks", ["train", 5], ["save", str(tmp_path)], hparams={"kinds": []})[-1]
    start = ["start_from", source["path"], source["sha256"]]
    bias = ["python", __name__, "last_bias"]
    assert set(alone("callbacks", start, bias, hparams={"kinds": ["anew"]})[-1]) == {0.5}
    assert set(alone("callbacks", start, bias, hparams={"kinds": []})[-1]) != {0.5}


def last_bias(run, started):
    run.prepare()
    return run.model.layers[-1].bias.numpy().tolist()


@pytest.mark.long
def test_an_epoch_ends_once_for_each_validated_step(alone):
    once = alone("callbacks", ["train", 5], EPOCH, ["train", 5], ["words"])
    twice = alone("callbacks", ["train", 5], EPOCH, EPOCH, ["train", 5], ["words"])
    none = alone("callbacks", ["train", 5], ["train", 5], ["words"])
    assert once[-1] == twice[-1] != none[-1]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("unkept", r"Unkept\.seen is a set, which a checkpoint cannot hold.*get_state\(\) and set_state\(state\)"),
        ("late", r"Late\.last is a Sequential whose variables were not there when training began.*on_train_begin"),
        ("backup", r"has a BackupAndRestore.*Leave it out"),
    ],
    ids=["unkept", "late", "backup"],
)
def test_what_could_not_go_on_exactly_is_refused(alone, tmp_path, kind, message):
    with pytest.raises(Failed, match=f"TrialDefinitionError: .*{message}"):
        alone("callbacks", ["train", 1], ["save", str(tmp_path)], hparams={"kinds": [kind], "to": str(tmp_path)})


class Holding(keras.callbacks.Callback):
    """Holds variables of the trial's, which the trial restores, and others, made anew in each process."""

    def on_train_begin(self, logs=None):
        self.first, self.optimizer = self.model.layers[0], self.model.optimizer
        self.head = keras.Sequential([keras.Input((2,)), self.first, keras.layers.Dense(1, name="top")], name="head")
        self.head.compile(keras.optimizers.SGD(momentum=0.9), "mse")
        self.head.optimizer.build(self.head.trainable_variables)
        self.mean = keras.metrics.Mean()


def held(units=3):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units, name="first")], name="held")
    model.compile("adam")
    model.optimizer.build(model.trainable_variables)
    return Holding(), model


def held_callbacks(callback, model):
    callbacks = KerasCallbacks([callback], model, "HeldTrial", WholeState(model, callback.__class__))
    callbacks.begin()
    return callbacks


def test_variables_that_only_a_callback_holds_are_kept():
    (first, model), (second, another) = held(), held()
    before, after = held_callbacks(first, model), held_callbacks(second, another)
    first.head.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    first.mean.update_state([1.0, 2.0])
    untouched = another.layers[0].kernel.numpy()
    after.set_state(json.loads(json.dumps(before.get_state())))
    assert second.mean.result() == 1.5
    for mine, its in zip(second.head.layers[1].variables, first.head.layers[1].variables, strict=True):
        assert np.array_equal(mine, its)
    for mine, its in zip(second.head.optimizer.variables, first.head.optimizer.variables, strict=True):
        assert np.array_equal(mine, its)
    assert np.array_equal(another.layers[0].kernel, untouched)


def test_a_model_that_is_evaluated_or_used_by_the_training_is_kept_all_the_same():
    class Teaching(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.teacher = keras.models.clone_model(self.model)
            self.teacher.compile("sgd", "mse", metrics=["mae"])

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1), keras.layers.Dense(1)])
    callback, state = Teaching(), WholeState(model, Teaching)
    callbacks = KerasCallbacks([callback], model, "TaughtTrial", state)
    callbacks.begin()
    callback.teacher.evaluate(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    (kept,) = callbacks.get_state()["callbacks"]
    used, variables = raw(callback.teacher.layers[0].kernel), state.variables()
    state.variables = lambda: [*variables, used]
    (fewer,) = callbacks.get_state()["callbacks"]
    headers = [unpacked(it)["variables"]["teacher"]["header"] for it in (kept, fewer)]
    assert headers[1] == headers[0][1:] and len(headers[0]) >= 4


def test_variables_of_another_callback_are_refused_by_name():
    before, after = held_callbacks(*held()), held_callbacks(*held(units=4))
    with pytest.raises(CheckpointError, match=r"(?s)HeldTrial.*Holding\.head: variable 0.*\[3, 1\].*\[4, 1\]"):
        after.set_state(before.get_state())


def test_the_checkpoint_of_a_pause_has_their_state_where_no_validation_makes_one(alone, tmp_path):
    definition = {"hparams": {"kinds": ["own"]}, "config": {"checkpoint_policy": "none"}}
    *_, saved, whole = alone("callbacks", ["train", 5], EPOCH, ["save", str(tmp_path)], OWN_STATE, **definition)
    assert alone("callbacks", ["load", saved["path"]], OWN_STATE, **definition)[-1] == whole
    assert len(whole["callbacks"][0]) == 2


OWN_STATE = ["python", __name__, "state_of_keras_callbacks"]


def state_of_keras_callbacks(run, started):
    return run._keras_callbacks.get_state()


@pytest.mark.parametrize(
    "value",
    [None, True, 3, 0.1, math.inf, "text", [1, (2, [3])], {1: "a", "dict": {"array": 2}}, np.float32(0.5)],
)
def test_plain_values_come_back_as_they_were(value):
    back = unpacked(json.loads(json.dumps(packed(value, "it"), allow_nan=False)))
    assert back == value and type(back) is type(value)


ARRAYS = [
    np.arange(6, dtype="float16").reshape(2, 3),
    np.array([1, 2], ">i4"),
    np.array([[1.5], [-0.0]], ml_dtypes.bfloat16),
    np.array([1, 2], ml_dtypes.int4),
    np.array(["cat", "doge"]),
    np.array([b"cat", b"doge"]),
    np.array(["2026-01-02", "NaT"], "datetime64[D]"),
    np.array([True, False]),
    np.zeros((0, 3)),
    np.array(3, "uint8"),
]


@pytest.mark.parametrize("array", ARRAYS, ids=lambda it: it.dtype.str + str(it.shape))
def test_arrays_come_back_with_their_dtype_shape_and_bytes(array):
    back = unpacked(json.loads(json.dumps(packed(array, "it"))))
    assert (type(back), back.dtype, back.shape) == (np.ndarray, array.dtype, array.shape)
    assert back.tobytes() == array.tobytes() and back.flags.writeable


@pytest.mark.parametrize("text", ["cat", ""])
def test_text_of_numpy_comes_back(text):
    back = unpacked(json.loads(json.dumps(packed(np.str_(text), "it"))))
    assert (back, type(back)) == (text, np.str_)


@pytest.mark.parametrize(
    "value",
    [
        {1, 2},
        [len],
        np.array([object()]),
        np.zeros(2, "i4,f4"),
        np.zeros(2, "i4,f4")[0],
        np.ma.masked_array([1, 2], [True, False]),
        np.rec.array([(1, 2.0)]),
    ],
    ids=["set", "function", "objects", "struct", "struct of one", "masked", "records"],
)
def test_what_would_not_come_back_as_it_was_is_refused(value):
    with pytest.raises(TrialDefinitionError, match=r"(?s)it is not plain data .*, expected .* NumPy arrays of these"):
        packed(value, "it")


@pytest.mark.long
def test_a_trial_that_a_callback_stops_is_over_and_says_so(tmp_path):
    config = {
        "entrypoint": "callbacks:CallbacksTrial",
        "hyperparameters": {"kinds": ["early_stopping"]},
        "searcher": {"name": "single", "metric": "accuracy", "smaller_is_better": False, "max_steps": 9},
        "batches_per_step": 3,
        "min_validation_period": 1,
        "reproducibility": {"experiment_seed": 3},
    }
    experiment = pedl.create_experiment(config, WORKLOADS, tmp_path)
    experiment.run(workers=1)
    (trial,) = experiment.describe()["trials"]
    assert (trial["state"], trial["stopped_early"], trial["steps_completed"]) == ("COMPLETED", True, 2)
    assert [it["step"] for it in trial["validation"]] == [1, 2]
