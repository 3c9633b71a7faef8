"""The seed factory keys what it makes by place, for every class of Keras and for the user's own."""

from __future__ import annotations

import copy
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from pedl.errors import TrialDefinitionError
from pedl.trial.factory import SeedFactory
from tests.trial import layer_table

SEED = 5


def bits(layer: Any) -> list[bytes]:
    return [it.numpy().tobytes() for it in layer.variables]


def kernel(layer: Any, size: int = 4) -> bytes:
    layer.build((None, size))
    return bytes(layer.kernel.numpy().tobytes())


def noise() -> None:
    random.random()
    np.random.normal()
    keras.random.uniform(())
    keras.layers.Dropout(0.5)


@pytest.fixture
def seeded() -> SeedFactory:
    return SeedFactory(SEED)


@pytest.mark.parametrize("name", layer_table.class_names())
def test_every_class_is_independent_of_neighbours_and_of_noise(name: str) -> None:
    call = name not in layer_table.DRAWS_IN_CALL
    alone = layer_table.outcome(layer_table.make(SeedFactory(SEED).layers, name, name="it"), name, call)
    factory = SeedFactory(SEED)
    noise()
    layer_table.make(factory.layers, name)
    layer_table.make(factory.layers, name, name="another")
    layer = layer_table.make(factory.layers, name, name="it")
    noise()
    assert list(layer_table.outcome(layer, name, call).values()) == list(alone.values())


@pytest.mark.parametrize("name", layer_table.class_names())
def test_no_two_variables_or_generators_of_a_layer_share_a_stream(name: str) -> None:
    factory = SeedFactory(SEED)
    layers = [layer_table.make(factory.layers, name, name=it) for it in ("one", "two")]
    other = layer_table.make(SeedFactory(SEED + 1).layers, name, name="one")
    outcomes = [layer_table.outcome(it, name, call=False) for it in (*layers, other)]
    if outcomes[0] == outcomes[2]:
        return  # Nothing random in it.
    values = [it.numpy() for layer in layers for it in layer.variables if "seed" not in it.path]
    assert_all_differ([it.tobytes() for it in values if len(np.unique(it)) > 2])
    assert_all_differ(generator_seeds(*layers))


def generator_seeds(*layers: Any) -> list[int]:
    """Returns the seed of every distinct generator in the layers."""
    generators = {
        id(value): int(value.state.numpy()[0])
        for root in layers
        for layer in root._flatten_layers()
        for value in vars(layer).values()
        if isinstance(value, keras.random.SeedGenerator)
    }
    return list(generators.values())


def assert_all_differ(values: list[Any]) -> None:
    assert len(set(values)) == len(values)


def test_plain_keras_would_fail_the_sweep() -> None:
    """The twin: without the factory noise moves a layer."""
    keras.utils.set_random_seed(SEED)
    alone = layer_table.outcome(layer_table.make(keras.layers, "Dense"), "Dense")
    keras.utils.set_random_seed(SEED)
    noise()
    assert list(layer_table.outcome(layer_table.make(keras.layers, "Dense"), "Dense").values()) != list(alone.values())


@pytest.mark.long
def test_every_class_gives_the_same_in_another_process() -> None:
    command = [sys.executable, str(Path(layer_table.__file__)), str(SEED)]
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": root}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    here, there = layer_table.digests(SEED), json.loads(ran.stdout)
    differing = {name for name in here if here[name] != there[name]}
    assert differing <= layer_table.DRAWS_IN_CALL
    other = layer_table.digests(SEED + 1)
    random_ones = {name for name in here if here[name] != other[name]}
    assert {"Dense", "LSTM", "Dropout", "MultiHeadAttention", "RandomFlip", "Embedding"} <= random_ones
    assert not {"Flatten", "ReLU", "MaxPooling2D", "LayerNormalization"} & random_ones


@pytest.mark.parametrize(
    "initializer",
    [
        "he_normal",
        keras.initializers.HeNormal,
        {"class_name": "HeNormal", "config": {}},
        lambda: keras.initializers.HeNormal(),
    ],
    ids=["name", "class", "configuration", "object"],
)
def test_an_initializer_without_a_seed_gets_that_of_its_argument(seeded: SeedFactory, initializer: Any) -> None:
    value = initializer() if isinstance(initializer, type(lambda: 0)) else initializer
    noise()
    layer = seeded.layers.Dense(4, kernel_initializer=value, name="head")
    expected = SeedFactory(SEED).layers.Dense(4, kernel_initializer="he_normal", name="head")
    assert kernel(layer) == kernel(expected)


def test_arguments_may_be_positional(seeded: SeedFactory) -> None:
    by_position = seeded.layers.Dense(4, None, True, "he_normal", name="head")
    by_name = SeedFactory(SEED).layers.Dense(units=4, kernel_initializer="he_normal", name="head")
    assert kernel(by_position) == kernel(by_name)
    assert seeded.layers.Dropout(0.5, None, 9, name="drop").seed == 9


def test_an_explicit_seed_of_the_users_wins(seeded: SeedFactory) -> None:
    assert seeded.layers.Dropout(0.5, seed=3, name="drop").seed == 3
    assert seeded.layers.Dropout(0.5, seed=0, name="zero").seed == 0
    explicit = keras.initializers.GlorotUniform(seed=3)
    plain = keras.layers.Dense(4, kernel_initializer=explicit)
    assert kernel(seeded.layers.Dense(4, kernel_initializer=explicit, name="head")) == kernel(plain)
    inner = keras.layers.LSTM(3, seed=11)
    assert seeded.layers.Bidirectional(inner, name="bi").forward_layer.cell.seed == 11


def test_each_argument_has_a_stream_of_its_own(seeded: SeedFactory) -> None:
    layer = seeded.layers.SeparableConv1D(3, 3, bias_initializer="uniform", name="conv")
    config = layer.get_config()
    seeds = [config[f"{it}_initializer"]["config"]["seed"] for it in ("depthwise", "pointwise", "bias")]
    assert_all_differ(seeds)
    assert None not in seeds


def test_query_key_and_value_differ_with_any_initializer_that_the_user_did_not_seed() -> None:
    for make in (
        lambda factory: "glorot_uniform",
        lambda factory: keras.initializers.HeNormal(),
        lambda factory: factory.initializers.HeNormal(),
    ):
        factory = SeedFactory(SEED)
        layer = factory.layers.MultiHeadAttention(2, 4, kernel_initializer=make(factory), name="attention")
        layer.build((2, 5, 8), (2, 5, 8))
        kernels = [it.numpy().tobytes() for it in layer.variables if it.name == "kernel"]
        assert len(kernels) == 4
        assert_all_differ(kernels)
        other = SeedFactory(SEED)
        noise()
        again = other.layers.MultiHeadAttention(2, 4, kernel_initializer=make(other), name="attention")
        again.build((2, 5, 8), (2, 5, 8))
        assert bits(again) == bits(layer)


def test_an_integer_seed_would_make_query_and_key_equal(seeded: SeedFactory) -> None:
    """The twin: what Keras does with an explicit seed, which the factory therefore does not give to attention."""
    explicit = keras.initializers.GlorotUniform(seed=1)
    layer = seeded.layers.MultiHeadAttention(2, 4, kernel_initializer=explicit, name="attention")
    layer.build((2, 5, 8), (2, 5, 8))
    kernels = [it.numpy().tobytes() for it in layer.variables if it.name == "kernel"]
    assert kernels[0] == kernels[1]


@pytest.mark.parametrize("inner", ["plain", "seeded", "user's seed"])
def test_the_directions_of_a_bidirectional_differ_in_weights_and_masks(inner: str) -> None:
    def make() -> Any:
        factory = SeedFactory(SEED)
        made = {
            "plain": lambda: keras.layers.LSTM(4, dropout=0.5),
            "seeded": lambda: factory.layers.LSTM(4, dropout=0.5, name="lstm"),
            "user's seed": lambda: keras.layers.LSTM(
                4, dropout=0.5, seed=1, kernel_initializer=keras.initializers.GlorotUniform(seed=2)
            ),
        }[inner]()
        layer = factory.layers.Bidirectional(made, name="both")
        layer.build((2, 5, 3))
        return layer

    layer = make()
    forward, backward = (bits(it) for it in (layer.forward_layer, layer.backward_layer))
    assert_all_differ(generator_seeds(layer))
    assert forward[0] != backward[0] and forward[1] != backward[1]
    noise()
    assert bits(make()) == bits(layer)


def test_two_layers_may_share_an_initializer_of_the_factory(seeded: SeedFactory) -> None:
    shared = seeded.initializers.HeNormal(name="he")
    one = seeded.layers.Dense(4, kernel_initializer=shared, name="one")
    two = seeded.layers.Dense(4, kernel_initializer=shared, name="two")
    assert kernel(one) != kernel(two)


def test_initializers_are_keyed_by_name_or_else_by_ordinal(seeded: SeedFactory) -> None:
    def values(initializer: Any) -> bytes:
        return bytes(keras.ops.convert_to_numpy(initializer((3, 3))).tobytes())

    named, first, second = (seeded.initializers.GlorotUniform(name=it) for it in ("k", None, None))
    other = SeedFactory(SEED)
    noise()
    again_first = other.initializers.GlorotUniform()
    again_named = other.initializers.GlorotUniform(name="k")
    assert values(again_first) == values(first) and values(again_named) == values(named)
    assert_all_differ([values(it) for it in (named, first, second)])
    assert seeded.initializers.Zeros()((2,)).numpy().tolist() == [0, 0]
    assert seeded.initializers.RandomNormal(seed=4).seed == 4


def test_layers_without_a_name_are_moved_only_by_others_of_their_class() -> None:
    def second_dense(before: Callable[[SeedFactory], Any]) -> bytes:
        factory = SeedFactory(SEED)
        factory.layers.Dense(4)
        before(factory)
        return kernel(factory.layers.Dense(4))

    alone = second_dense(lambda factory: None)
    assert second_dense(lambda factory: (factory.layers.Dropout(0.5), factory.layers.Dense(4, name="x"))) == alone
    assert second_dense(lambda factory: factory.layers.Dense(4)) != alone


def test_scopes_nest_names_and_keep_them_unique_in_the_model(seeded: SeedFactory) -> None:
    x = inputs = keras.Input((4,))
    layers = []
    for block in ("block1", "block2"):
        with seeded.scope(block), seeded.scope("inner"):
            layers.append(seeded.layers.Dense(4, name="dense"))
            x = layers[-1](x)
    keras.Model(inputs, x)
    assert [it.name for it in layers] == ["block1_inner_dense", "block2_inner_dense"]
    assert bits(layers[0])[0] != bits(layers[1])[0]
    other = SeedFactory(SEED)
    with other.scope("block2"), other.scope("inner"):
        assert kernel(other.layers.Dense(4, name="dense")) == bits(layers[1])[0]


def test_names_and_scopes_are_not_confused() -> None:
    factory = SeedFactory(SEED)
    made = [factory.layers.Dense(4, name="a"), factory.layers.Dense(4, name="Dense"), factory.layers.Dense(4)]
    with factory.scope("a"):
        made += [factory.layers.Dense(4, name="a"), factory.layers.Dense(4, name="b")]
    made.append(factory.layers.Dense(4, name="a_b"))
    assert_all_differ([kernel(it) for it in made])


def test_a_scope_is_left_after_an_error(seeded: SeedFactory) -> None:
    with pytest.raises(KeyError), seeded.scope("block"):
        raise KeyError
    assert seeded.layers.Dense(1, name="head").name == "head"


def test_the_same_name_twice_in_one_scope_is_refused(seeded: SeedFactory) -> None:
    with seeded.scope("block1"):
        seeded.layers.Dropout(0.5, name="drop")
        with pytest.raises(TrialDefinitionError, match=r"Dropout named 'drop' in scope 'block1'.*self\.seeded\.scope"):
            seeded.layers.Dense(3, name="drop")
    seeded.layers.Dropout(0.5, name="drop")


@pytest.mark.parametrize("name", ["", "a/b", 3])
def test_a_name_that_cannot_be_one_is_refused(seeded: SeedFactory, name: Any) -> None:
    with pytest.raises(TrialDefinitionError, match=r"expected a string.*name=\"head\""):
        seeded.layers.Dense(3, name=name)
    with pytest.raises(TrialDefinitionError, match="expected a string"), seeded.scope(name):
        pass


def test_an_object_instead_of_a_class_is_refused(seeded: SeedFactory) -> None:
    with pytest.raises(TrialDefinitionError, match=r"expected a class.*self\.seeded\(MyLayer, 64"):
        seeded(keras.layers.Dense(3), name="mine")


def test_every_name_of_keras_is_there_and_others_get_a_hint(seeded: SeedFactory) -> None:
    assert dir(seeded.layers) == dir(keras.layers)
    assert dir(seeded.initializers) == dir(keras.initializers)
    for name in dir(keras.layers):
        assert getattr(seeded.layers, name) is not None
    assert seeded.layers.Input is keras.layers.Input
    assert seeded.layers.Dense.__doc__ == keras.layers.Dense.__doc__
    with pytest.raises(AttributeError, match=r"no keras.layers.Densee; did you mean Dense"):
        _ = seeded.layers.Densee
    with pytest.raises(AttributeError, match=r"no keras.initializers.Glorot"):
        _ = seeded.initializers.Glorot


def test_wrong_arguments_get_the_classes_own_error(seeded: SeedFactory) -> None:
    with pytest.raises(TypeError, match="units"):
        seeded.layers.Dense(name="head")
    with pytest.raises(ValueError, match="Unrecognized keyword"):
        seeded.layers.Dense(3, unit=4, name="other")


class Own(keras.layers.Layer):
    """Draws in its constructor and in `build`, calls one initializer twice, and builds a layer in `call`."""

    def __init__(self, units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units, self.shift, self.np_shift = units, random.random(), np.random.random()
        self.inner = keras.layers.Dense(units)
        self.attention = keras.layers.MultiHeadAttention(2, 4)
        self.drop = keras.layers.Dropout(0.5)

    def build(self, input_shape: Any) -> None:
        self.w = self.add_weight(shape=(4, self.units), initializer="glorot_uniform", name="w")
        self.v = self.add_weight(
            shape=(4, self.units), initializer=lambda shape, dtype=None: np.random.normal(size=shape)
        )

    def call(self, x: Any, training: bool = False) -> Any:
        y = x @ self.w + x @ self.v + self.shift + self.np_shift + self.inner(x)
        y = self.attention(y[:, None], y[:, None])[:, 0]
        return self.drop(y, training=training)


class Unnamed(keras.layers.Layer):
    def __init__(self, rate: float, make: str = "x") -> None:
        super().__init__()
        self.drop = keras.layers.Dropout(rate)

    def call(self, x: Any) -> Any:
        return self.drop(x, training=True)


def test_a_class_of_the_users_own_is_covered_with_all_that_it_holds() -> None:
    def outcome(seed: int = SEED) -> list[bytes]:
        noise()
        layer = SeedFactory(seed)(Own, 4, name="mine")
        noise()
        output = layer(np.ones((2, 4), "float32"), training=True)
        return [
            *bits(layer),
            keras.ops.convert_to_numpy(output).tobytes(),
            repr((layer.shift, layer.np_shift)).encode(),
        ]

    first = outcome()
    assert outcome() == first
    assert outcome(SEED + 1) != first
    assert SeedFactory(SEED)(Own, 4, name="mine").name == "mine"


def test_a_class_that_takes_no_name_is_keyed_by_it_all_the_same(seeded: SeedFactory) -> None:
    one, two = seeded(Unnamed, 0.5, name="one"), seeded(Unnamed, 0.5, make="y", name="two")
    again = SeedFactory(SEED)(Unnamed, 0.5, name="two")
    assert generator_seeds(again) == generator_seeds(two) != generator_seeds(one)


def test_a_function_that_makes_a_layer_is_covered(seeded: SeedFactory) -> None:
    def block(units: int) -> Any:
        return keras.Sequential([keras.layers.Dense(units), keras.layers.Dense(units)])

    layer = seeded(block, 4, name="block")
    layer.build((None, 4))
    noise()
    again = SeedFactory(SEED)(block, 4, name="block")
    again.build((None, 4))
    assert bits(again) == bits(layer)
    assert bits(layer)[0] != bits(layer)[2]


class Subclassed(keras.Model):
    def __init__(self, factory: SeedFactory) -> None:
        super().__init__()
        self.hidden = factory.layers.Dense(4, name="hidden")
        self.drop = factory.layers.Dropout(0.5, name="drop")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.drop(self.hidden(x), training=training)


def functional(factory: SeedFactory) -> Any:
    inputs = keras.Input((4,))
    hidden = factory.layers.Dense(4, name="hidden")(inputs)
    return keras.Model(inputs, factory.layers.Dropout(0.5, name="drop")(hidden))


def deferred(factory: SeedFactory) -> Any:
    return keras.Sequential([factory.layers.Dense(4, name="hidden"), factory.layers.Dropout(0.5, name="drop")])


def test_the_way_a_model_is_put_together_changes_no_bit() -> None:
    x = np.ones((2, 4), "float32")
    outputs = []
    for make in (Subclassed, functional, deferred):
        noise()
        model = make(SeedFactory(SEED))
        noise()
        outputs.append(keras.ops.convert_to_numpy(model(x, training=True)).tobytes())
    assert outputs[0] == outputs[1] == outputs[2]


def whole_model() -> Any:
    factory = SeedFactory(SEED)
    x = inputs = keras.Input((5, 8))
    x = factory.layers.MultiHeadAttention(2, 4, dropout=0.5, name="attention")(x, x)
    x = factory.layers.Bidirectional(keras.layers.LSTM(3, dropout=0.5, return_sequences=True), name="both")(x)
    cells = [keras.layers.GRUCell(4, recurrent_dropout=0.3) for _ in range(2)]
    x = factory.layers.RNN(keras.layers.StackedRNNCells(cells), return_sequences=True, name="stack")(x)
    x = factory.layers.TimeDistributed(keras.layers.Dense(4), name="each")(x)
    x = factory(keras.Sequential, [keras.layers.Dense(4), keras.layers.Dropout(0.5)], name="end")(x)
    return keras.Model(inputs, x)


def test_saved_models_load_without_pedl_and_keep_weights_and_seeds(tmp_path: Path) -> None:
    model = whole_model()
    model.save(tmp_path / "m.keras")
    x = np.ones((2, 5, 8), "float32")
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", keras.ops.convert_to_numpy(model(x)))
    code = (
        "import sys, keras, numpy as np; m = keras.saving.load_model('m.keras'); assert 'pedl' not in sys.modules;"
        "assert (keras.ops.convert_to_numpy(m(np.load('x.npy'))) == np.load('y.npy')).all();"
        "print(m.get_layer('both').backward_layer.cell.seed, m.get_layer('end').layers[1].seed)"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    seeds = [model.get_layer("both").backward_layer.cell.seed, model.get_layer("end").layers[1].seed]
    assert ran.stdout.split() == [str(seed) for seed in seeds]


def test_models_can_be_cloned_and_copied() -> None:
    model = whole_model()
    clone = keras.models.clone_model(model)
    assert bits(clone.get_layer("each")) == bits(model.get_layer("each"))
    duplicate = copy.deepcopy(model)
    assert [it.numpy().tobytes() for it in duplicate.weights] == [it.numpy().tobytes() for it in model.weights]


def test_a_clone_of_a_layer_from_its_configuration_repeats_it(seeded: SeedFactory) -> None:
    layer = seeded.layers.Dense(4, name="head")
    again = keras.layers.Dense.from_config(layer.get_config())
    assert kernel(again) == kernel(layer)


def test_a_layer_that_the_user_shares_stays_the_same_object(seeded: SeedFactory) -> None:
    inner = keras.layers.Dense(4)
    assert seeded.layers.TimeDistributed(inner, name="each").layer is inner


def test_the_weights_of_a_built_layer_are_left_alone(seeded: SeedFactory) -> None:
    inner = keras.layers.Dense(4)
    before = kernel(inner)
    wrapped = seeded.layers.TimeDistributed(inner, name="each")
    wrapped.build((None, 3, 4))
    assert bits(inner)[0] == before


def test_the_global_generators_do_not_notice(seeded: SeedFactory) -> None:
    random.seed(1), np.random.seed(1)
    expected = random.random(), np.random.random()
    random.seed(1), np.random.seed(1)
    seeded(Own, 4, name="mine")(np.ones((2, 4), "float32"))
    assert (random.random(), np.random.random()) == expected
