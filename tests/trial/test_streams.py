"""Streams are kept apart: initial values follow one seed, masks and noise another, whatever makes them."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from pedl.errors import TrialDefinitionError
from pedl.trial.context import TrialContext
from pedl.trial.factory import SeedFactory
from pedl.trial.keras_trial import KerasTrial
from pedl.trial.streams import check_streams, is_graph
from pedl.trial.tensorflow_trial import TensorFlowTrial
from pedl.trial.trial import Trial


def made(init: int, dropout: int) -> tuple[list[np.ndarray], list[int]]:
    """Returns initial values, and seeds of random layers, of layers of every kind that a factory makes."""
    seeded = SeedFactory(init, dropout)
    wrapped = seeded.layers.Bidirectional(keras.layers.LSTM(3, recurrent_dropout=0.5), name="both")
    dense = seeded.layers.Dense(4, kernel_initializer=seeded.initializers.HeNormal(name="he"), name="head")
    drop, attention = seeded.layers.Dropout(0.5, name="drop"), seeded.layers.MultiHeadAttention(2, 2, dropout=0.1)
    for layer in (wrapped, dense, drop):
        layer.build((2, 5, 3))
    attention.build((2, 5, 3), (2, 5, 3))
    values = [np.array(weight) for layer in (wrapped, dense, attention) for weight in layer.trainable_weights]
    generators = [wrapped.forward_layer.cell.seed_generator, drop.seed_generator]
    return values, [int(np.array(it.state)[0]) for it in generators]


def test_initial_values_and_masks_follow_seeds_of_their_own() -> None:
    values, seeds = made(7, 7)
    for init, dropout in ((8, 7), (7, 8)):
        other_values, other_seeds = made(init, dropout)
        random = [index for index, value in enumerate(values) if len(np.unique(value)) > 2]
        changed = [index for index in random if not np.array_equal(values[index], other_values[index])]
        assert changed == (random if init == 8 else [])
        assert all((one == other) == (dropout == 7) for one, other in zip(seeds, other_seeds, strict=True))


def test_a_stream_that_is_not_named_follows_the_trial_seed() -> None:
    context = TrialContext(7, streams={"order": 0})
    assert [context.seed_of(stream) for stream in ("init", "order", "dropout")] == [7, 0, 7]


def trial(base: type[Trial], *streams: str) -> Trial:
    """A trial of a class, without its hooks; one of Keras has a helper whose name says nothing."""
    kind = type("Mine", (base,), {"build_graph": None})
    kind.__abstractmethods__ = frozenset()
    made: Trial = object.__new__(kind)
    made.context = TrialContext(7, streams=dict.fromkeys(streams, 8))
    return made


@pytest.mark.parametrize("streams", [("init",), ("dropout", "order")])
def test_a_graph_has_one_stream_for_initial_values_and_masks(streams: tuple[str, ...]) -> None:
    graph = trial(TensorFlowTrial, *streams)
    with pytest.raises(TrialDefinitionError, match=r"Vary init and dropout together \(`together: .*\), or order alone"):
        check_streams(graph)
    assert is_graph(graph) and not is_graph(trial(KerasTrial))
    for fine in ((), ("order",), ("init", "dropout")):
        check_streams(trial(TensorFlowTrial, *fine))
    check_streams(trial(KerasTrial, *streams))
