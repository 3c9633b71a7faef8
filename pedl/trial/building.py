"""What the first batch of a Keras trial's data does before anything is trained: it may build the model, and making it
may move variables that are the data's.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl import seeds
from pedl.errors import TrialDefinitionError
from pedl.trial.generators import borrowed
from pedl.trial.sources import Source
from pedl.trial.state import WholeState


def moved_by_data(state: WholeState, source: Source) -> list[Any]:
    """Returns the variables that making a batch changes, such as a `tf.random.Generator` that the trial holds for a
    `Dataset.map`. Batches are made ahead of training, and made again after a resume: such a variable is the data's.
    """
    before = [(group, variable, variable.numpy()) for group, variable in state.groups()]
    source.examples()
    moved = [(group, variable) for group, variable, value in before if not np.array_equal(value, variable.numpy())]
    shared = [variable.name for group, variable in moved if group != "held"]
    if shared:
        raise TrialDefinitionError(
            f"making a batch changes {', '.join(shared)}, which belongs to the model: a layer of the model is used in "
            "the training data, which are made ahead. Make a layer of its own for Dataset.map(), or leave it to the "
            "model."
        )
    return [variable for _, variable in moved]


def build(model: keras.Model, source: Source, trial_seed: int) -> None:
    """Builds a model that does not know its input's shape yet, from the first batch's; runs nothing, draws from no
    running stream.
    """
    if model.built:
        return
    spec = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), first_inputs(source))
    with borrowed(seeds.stream_seed(trial_seed, "build")):
        tf.function(lambda x: model(x, training=False), autograph=False).get_concrete_function(spec)


def first_inputs(source: Source) -> Any:
    """Returns what the first batch gives to the model: tensors, nested as the data are."""
    batch = source.take(tf.nest.map_structure(lambda tensor: tensor[0], source.examples()[0]))
    return keras.utils.unpack_x_y_sample_weight(batch)[0]
