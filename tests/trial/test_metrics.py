"""A metric of one phase costs the other nothing, and is whole before anything is trained."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedl.trial.metrics import Selective, phase

Y = np.array([[0.0], [1.0], [1.0]], dtype="float32")
PREDICTED = np.array([[0.1], [0.9], [0.4]], dtype="float32")


@pytest.mark.parametrize("make", [keras.metrics.R2Score, lambda: keras.metrics.F1Score(threshold=0.5)])
def test_one_that_makes_its_variables_at_its_first_update_has_them_after_a_trace_that_does_not_update_it(make):
    asleep = Selective(make(), name="score", training=False, validation=True)

    @tf.function(autograph=False)
    def training_batch(y, predicted):
        asleep.update_state(y, predicted, sample_weight=None)
        return asleep.result()

    assert training_batch(Y, PREDICTED) == 0.0
    made = [variable.path for variable in asleep.variables]
    assert len(made) > 1 and not any(variable.numpy().any() for variable in asleep.variables)
    plain = make()
    plain.update_state(Y, PREDICTED)
    with phase("validation"):
        asleep.update_state(Y, PREDICTED)
        assert np.asarray(asleep.result()).tobytes() == np.asarray(plain.result()).tobytes()
    assert [variable.path for variable in asleep.variables] == made
