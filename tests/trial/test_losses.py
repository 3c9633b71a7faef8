"""What is said of a loss that Keras does not know, and of data whose names are not the model's."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.first_batch import does_not_fit
from pedl.trial.functional_trial import KerasFunctionalTrial
from pedl.trial.losses import checked_loss

MODEL = [keras.Input((2,), name="left"), keras.Input((2,), name="right")]
OUTPUT = keras.layers.Dense(1, name="same")(keras.layers.concatenate(MODEL))


class Pairs(KerasFunctionalTrial):
    build_model = batch_size = validation_metrics = lambda self: {}

    def optimizer(self) -> Any:
        return "sgd"

    def losses(self) -> Any:
        return {"same": "binary_crossentropie"}


@pytest.mark.parametrize("loss", ["mse", "MeanSquaredError", keras.losses.Huber(), lambda y, p: y - p, {"same": "mse"}])
def test_what_may_be_a_loss_stays_what_it_is(loss: Any) -> None:
    assert checked_loss("T.loss()", loss) is loss


def test_an_unknown_loss_is_told_with_its_output_and_the_nearest() -> None:
    said = r"Pairs.losses\(\) for the output same is 'binary_crossentropie', .* did you mean `binary_crossentropy`\?"
    with pytest.raises(TrialDefinitionError, match=said):
        Pairs().compile_model(keras.Model(MODEL, OUTPUT))


class Same:
    def take(self, feed: Any) -> Any:
        return feed


@pytest.mark.parametrize("inputs", [MODEL, {"left": MODEL[0], "right": MODEL[1]}], ids=["listed", "by_name"])
def test_inputs_of_other_names_are_told_by_name(inputs: Any) -> None:
    def said(*names: str) -> str:
        feed = {name: tf.constant(np.ones((1, 4, 2), "float32")) for name in names}, tf.zeros((1, 4, 1))
        return does_not_fit(keras.Model(inputs, OUTPUT), "training", Same(), feed)  # type: ignore[arg-type]

    assert "the data name the inputs left, rigth, expected left, right, which are the names of" in said("left", "rigth")
    assert "{'left': 'float32 (4, 2)', 'right': 'float32 (4, 2)'}, y float32 (4, 1)" in said("left", "right")
