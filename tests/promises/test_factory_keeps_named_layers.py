"""What the factory names keeps its initial weights and its dropout masks, whatever happens around it."""

from __future__ import annotations

import random
from typing import Any

import keras
import numpy as np
import pytest

from pedl.trial import place
from pedl.trial.factory import SeedFactory

NAMED = ("conv", "norm", "attention", "both", "drop", "head")


def build(trial_seed: int, *, extra: bool = False, noise: bool = False) -> dict[str, list[bytes]]:
    """Builds and calls a model as in training; returns what each named layer has and gives."""
    layers = SeedFactory(trial_seed).layers

    def disturb(x: Any) -> Any:
        if noise:
            random.random(), np.random.normal(), keras.random.uniform(())
        if extra:
            x = layers.Dropout(0.1)(keras.layers.Dense(8)(x))
        return x

    x = inputs = keras.Input((6, 8))
    x = disturb(layers.Conv1D(8, 3, padding="same", name="conv")(disturb(x)))
    x = disturb(layers.BatchNormalization(gamma_initializer="uniform", name="norm")(x))
    x = disturb(layers.MultiHeadAttention(2, 4, dropout=0.5, name="attention")(x, x))
    x = disturb(layers.Bidirectional(keras.layers.LSTM(4, dropout=0.5, return_sequences=True), name="both")(x))
    x = disturb(layers.Dropout(0.5, name="drop")(x))
    model = keras.Model(inputs, layers.Dense(3, name="head")(x))
    found = {}
    for name in NAMED:
        layer = model.get_layer(name)
        data = np.ones((2, *layer.input.shape[1:]), "float32") if name != "attention" else np.ones((2, 6, 8), "float32")
        initial = [it.numpy().tobytes() for it in layer.variables]
        output = layer(data, data, training=True) if name == "attention" else layer(data)
        if name in ("both", "drop"):
            output = layer(data, training=True)
        found[name] = [*initial, keras.ops.convert_to_numpy(output).tobytes()]
    return found


def test_adding_layers_and_drawing_in_between_leaves_every_named_layer_bit_identical() -> None:
    alone = build(7)
    assert build(7, extra=True) == alone
    assert build(7, noise=True) == alone
    assert build(7, extra=True, noise=True) == alone


def test_another_trial_seed_gives_every_random_layer_other_bits() -> None:
    one, other = build(7), build(8)
    assert [name for name in NAMED if one[name] == other[name]] == []


def test_query_key_and_value_and_the_two_directions_differ() -> None:
    layers = SeedFactory(7).layers
    attention = layers.MultiHeadAttention(2, 4, name="attention")
    attention.build((2, 6, 8), (2, 6, 8))
    both = layers.Bidirectional(keras.layers.LSTM(4, dropout=0.5, return_sequences=True), name="both")
    both.build((2, 6, 8))
    kernels = [it.numpy().tobytes() for it in attention.variables if it.name == "kernel"]
    assert len(set(kernels)) == 4
    forward, backward = both.forward_layer, both.backward_layer
    assert [it.numpy().tobytes() for it in forward.weights[:2]] != [it.numpy().tobytes() for it in backward.weights[:2]]
    x = np.ones((2, 6, 8), "float32")
    masks = [keras.ops.convert_to_numpy(it.cell.get_dropout_mask(keras.ops.ones((2, 8)))) for it in (forward, backward)]
    assert not np.array_equal(masks[0], masks[1])
    assert keras.ops.convert_to_numpy(both(x, training=True)).shape == (2, 6, 8)


def test_cutting_the_key_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin: seeds by turn rather than by place are moved by a layer that is added."""
    turns: list[int] = []

    def by_turn(_: place.Place, *purpose: str | int) -> int:
        turns.append(1)
        return len(turns)

    monkeypatch.setattr(place.Place, "seed", by_turn)
    alone = build(7)
    turns.clear()
    assert build(7, extra=True) != alone


def test_cutting_the_borrowed_ground_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin of the other half: attention takes its seeds from the ground, and moves if it is not keyed."""
    monkeypatch.setattr("pedl.trial.generators.random.seed", lambda seed: None)
    assert build(7)["attention"] != build(7, noise=True)["attention"]
