"""Every kind of Keras model goes on exactly where it was; what could not is refused with what to write instead."""

import numpy as np
import pytest
import tensorflow as tf

from pedl.trial.targets import class_weighted
from tests.marks import long_but
from tests.trial.alone import Failed

KINDS = {
    "subclassed": "a model that its first batch builds, with a layer that is used twice",
    "unbuilt": "a Sequential without an input shape",
    "adapted": "preprocessing layers that have learned from data",
    "keyed": "a layer of the author's own that draws with a generator it keeps",
    "global": "a layer that draws from Keras's global generator, which nobody holds",
    "mixed": "mixed precision with loss scaling, set while the model definition is imported",
    "eager": "run_eagerly",
    "own_compile": "compile_model overridden: clipping, EMA that overwrites weights, metrics of Keras",
    "class_weight": "class weights",
}


@pytest.mark.parametrize("kind", long_but(("subclassed",), KINDS))
def test_each_kind_of_model_goes_on_exactly(alone, tmp_path, kind):
    hparams = {"kind": kind}
    saved, *whole = alone(
        "models", ["train", 13], ["save", str(tmp_path)], ["train", 4], ["words"], ["weights"], hparams=hparams
    )[1:]
    resumed = alone("models", ["load", saved["path"]], ["train", 4], ["words"], ["weights"], hparams=hparams)
    assert resumed[1:] == whole


def test_the_global_generator_is_a_part_of_the_state(alone):
    report = alone("models", ["train", 5], hparams={"kind": "global"})[0][0]
    assert any("seed_generator_state" in name for name in list(report["tensors"])[-1:])


def test_class_weights_change_what_is_trained_and_not_what_is_validated(alone):
    plain, weighted = (
        alone("models", ["validate"], ["train", 5], ["weights"], hparams={"kind": kind})
        for kind in ("plain", "class_weight")
    )
    assert plain[0] == weighted[0]
    assert plain[2] != weighted[2]


@pytest.mark.parametrize("targets", [[0, 2, 1, 5], [[0], [2], [1], [5]], np.eye(6)[[0, 2, 1, 5]].tolist()])
def test_a_class_without_a_weight_weighs_one(targets):
    y = tf.constant(targets)
    assert class_weighted((1, y), {0: 0.5, 2: 3.0})[2].numpy().tolist() == [0.5, 3.0, 1.0, 1.0]
    twice = class_weighted((1, y, tf.constant([2.0, 2.0, 2.0, 0.0])), {0: 0.5, 2: 3.0})
    assert twice[2].numpy().tolist() == [1.0, 6.0, 2.0, 0.0]
    column = class_weighted((1, y, tf.constant([[2.0], [2.0], [2.0], [0.0]])), {0: 0.5, 2: 3.0})
    assert column[2].numpy().tolist() == [[1.0], [6.0], [2.0], [0.0]]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("stream", r"random_normal/RandomStandardNormal .*no checkpoint holds.*keras\.random\.SeedGenerator\(seed\)"),
        ("python", r"PyFunc\) in the training step runs Python.*do it in the data"),
        ("wrong_class_weight", r"class_weight\(\) returned \[1, 2\], expected a dict of class: weight"),
        ("compiled_by_xla", r"jit_compile=True.*Leave jit_compile out"),
        (
            "some_batches",
            r"uses the variable count:0 for some batches only.*Create all variables in build",
        ),
    ],
    ids=["stream", "python", "wrong_class_weight", "compiled_by_xla", "some_batches"],
)
def test_what_could_not_go_on_exactly_is_refused(alone, kind, message):
    with pytest.raises(Failed, match=f"TrialDefinitionError: .*{message}"):
        alone("models", ["train", 9], hparams={"kind": kind})


def test_another_vocabulary_than_the_checkpoints_is_noticed(alone, tmp_path):
    saved = alone("models", ["train", 1], ["save", str(tmp_path)], hparams={"kind": "adapted"})[-1]
    with pytest.raises(Failed, match=r"CheckpointError: the vocabulary or the bins of layer 1:Discretization are not"):
        alone("models", ["load", saved["path"]], hparams={"kind": "adapted", "scale": 2.0})
