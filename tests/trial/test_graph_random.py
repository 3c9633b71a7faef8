"""Random operations of a graph are keyed by place and batch, and have no state."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework import random_seed
from tensorflow.python.ops import gen_random_ops, random_ops

from pedl.errors import TrialDefinitionError
from pedl.trial.factory import SeedFactory
from pedl.trial.graph_random import KeyedRandom, training_batch, validation_batch
from pedl.trial.graph_twins import TWINS

v1 = tf.compat.v1


def drawn(build, *batches, trial_seed=7):
    """Returns what the tensors of `build(seeded)` are in each batch: a list of dicts; "initial" stands for no batch."""
    graph = tf.Graph()
    random = KeyedRandom(graph, trial_seed)
    with graph.as_default(), random.installed():
        tensors = build(SeedFactory(trial_seed))
        initial = v1.global_variables_initializer()
    with v1.Session(graph=graph) as session:
        session.run(initial)
        feeds = [{} if isinstance(batch, str) else {random.counter: batch} for batch in batches]
        return [{name: np.array(value) for name, value in session.run(tensors, feed).items()} for feed in feeds]


ONES = np.ones([4, 50], np.float32)

ORDINARY = {
    "dropout": lambda: tf.nn.dropout(tf.constant(ONES), 0.5),
    "uniform": lambda: tf.random.uniform([50]),
    "integers": lambda: tf.random.uniform([50], 0, 1000, tf.int32),
    "normal": lambda: tf.random.normal([50]),
    "truncated_normal": lambda: tf.random.truncated_normal([50]),
    "parameterized": lambda: random_ops.parameterized_truncated_normal([50]),
    "shuffle": lambda: tf.random.shuffle(tf.range(50)),
    "categorical": lambda: tf.random.categorical(tf.zeros([2, 9]), 25),
    "gamma": lambda: tf.random.gamma([10], [1.0, 2.0, 3.0]),
    "poisson": lambda: tf.random.poisson([10], [10.0, 20.0]),
    "crop": lambda: tf.image.random_crop(tf.range(1000), [3]),
    "flip": lambda: tf.image.random_flip_left_right(tf.reshape(tf.range(5000), [50, 10, 10, 1])),
    "explicit seed": lambda: tf.random.normal([50], seed=3),
}

PLACES = {
    "cond": lambda draw: tf.cond(v1.placeholder_with_default(True, []), draw, lambda: tf.zeros([50])),
    "while": lambda draw: tf.while_loop(lambda i, _: i < 3, lambda i, s: (i + 1, s + draw()), (0, tf.zeros([50])))[1],
    "map_fn": lambda draw: tf.map_fn(lambda row: draw(), tf.zeros([3]), fn_output_signature=tf.float32),
    "scan": lambda draw: tf.scan(lambda before, row: draw(), tf.zeros([3]), initializer=tf.zeros([50])),
    "cond in map_fn": lambda draw: PLACES["map_fn"](lambda: PLACES["cond"](draw)),
    "map_fn in map_fn": lambda draw: PLACES["map_fn"](lambda: PLACES["map_fn"](draw)),
}


def test_every_ordinary_operation_repeats_a_batch_and_differs_between_batches():
    first, again, other, validation = drawn(
        lambda seeded: {name: make() for name, make in ORDINARY.items()},
        training_batch(0),
        training_batch(0),
        training_batch(1),
        validation_batch(0),
    )
    for name in ORDINARY:
        assert np.array_equal(first[name], again[name]), name
        assert not np.array_equal(first[name], other[name]), name
        assert not np.array_equal(first[name], validation[name]), name


def test_another_trial_seed_draws_others():
    def build(seeded):
        return {name: make() for name, make in ORDINARY.items()}

    (one,), (other,) = (drawn(build, training_batch(0), trial_seed=seed) for seed in (7, 8))
    assert [name for name in ORDINARY if np.array_equal(one[name], other[name])] == []


def test_draws_are_of_the_shape_type_and_distribution_that_tensorflow_has():
    def build(seeded):
        return {
            "uniform": tf.random.uniform([100, 100], 2.0, 4.0),
            "normal": tf.random.normal([100, 100], 1.0, 2.0, tf.float64),
            "dropout": tf.nn.dropout(tf.ones([100, 100]), 0.25),
            "gamma": tf.random.gamma([5000], [[2.0, 4.0]]),
            "poisson": tf.random.poisson([5000], [[2.0, 4.0]], dtype=tf.int32),
            "shuffle": tf.random.shuffle(tf.reshape(tf.range(200), [100, 2])),
            "categorical": tf.random.categorical([[0.0, 1.0986123]], 10000),
        }

    (found,) = drawn(build, training_batch(5))
    shapes = {name: (value.shape, value.dtype.name) for name, value in found.items()}
    assert shapes == {
        "uniform": ((100, 100), "float32"),
        "normal": ((100, 100), "float64"),
        "dropout": ((100, 100), "float32"),
        "gamma": ((5000, 1, 2), "float32"),
        "poisson": ((5000, 1, 2), "int32"),
        "shuffle": ((100, 2), "int32"),
        "categorical": ((1, 10000), "int64"),
    }
    # Six standard errors each: with these fixed keys they hold always, and with others but for one time in a million.
    assert abs(found["uniform"].mean() - 3) < 0.035
    assert abs(found["normal"].mean() - 1) < 0.12
    assert abs((found["dropout"] == 0).mean() - 0.25) < 0.026
    assert np.all(np.abs(found["gamma"].mean((0, 1)) - [2, 4]) < [0.12, 0.17])
    assert np.all(np.abs(found["poisson"].mean((0, 1)) - [2, 4]) < [0.12, 0.17])
    assert abs(found["categorical"].mean() - 0.75) < 0.026
    assert sorted(map(tuple, found["shuffle"].tolist())) == [(2 * i, 2 * i + 1) for i in range(100)]


@pytest.mark.parametrize("place", PLACES)
def test_it_holds_within_control_flow_where_each_turn_draws_anew(place):
    def build(seeded):
        return {
            "one": PLACES[place](lambda: tf.nn.dropout(tf.ones([50]), 0.5)),
            "other": PLACES[place](lambda: tf.nn.dropout(tf.ones([50]), 0.5)),
            "factory": PLACES[place](lambda: seeded.dropout(tf.ones([50]), 0.5, name="drop")),
        }

    first, again, later = drawn(build, training_batch(0), training_batch(0), training_batch(1))
    for name in ("one", "other", "factory"):
        assert np.array_equal(first[name], again[name])
        assert not np.array_equal(first[name], later[name])
        rows = first[name].reshape(-1, 50)
        assert len({row.tobytes() for row in rows}) == len(rows)
    assert len({first[name].tobytes() for name in first}) == 3


def test_two_dropouts_in_two_conds_are_alike_without_keys_and_differ_with_them(monkeypatch):
    def build(seeded):
        v1.set_random_seed(1)
        yes = v1.placeholder_with_default(True, [])
        masks = [tf.cond(yes, lambda: tf.nn.dropout(tf.ones([50]), 0.5), lambda: tf.zeros([50])) for _ in range(2)]
        return dict(zip("ab", masks, strict=True))

    (keyed,) = drawn(build, training_batch(0))
    assert not np.array_equal(keyed["a"], keyed["b"])
    monkeypatch.setattr(KeyedRandom, "_is_ours", lambda self: False)
    (cut,) = drawn(build, training_batch(0))
    assert np.array_equal(cut["a"], cut["b"])


def test_initial_values_do_not_depend_on_what_else_is_in_the_graph():
    def alone(seeded):
        return {"w": v1.get_variable("w", [4, 4])}

    def among_others(seeded):
        v1.get_variable("before", [3])
        tf.random.normal([2])
        tf.cond(v1.placeholder_with_default(True, []), lambda: tf.random.normal([]), lambda: 0.0)
        return alone(seeded)

    assert np.array_equal(drawn(alone, "initial")[0]["w"], drawn(among_others, "initial")[0]["w"])


def test_what_the_factory_names_keeps_its_draws_wherever_it_stands():
    def alone(seeded):
        return {"drop": seeded.dropout(tf.ones([50]), 0.5, name="drop"), "noise": seeded.normal([5], name="noise")}

    def moved(seeded):
        tf.random.normal([])
        with tf.name_scope("elsewhere"):
            noise = seeded.normal([5], name="noise")
            seeded.dropout(tf.ones([3]), 0.5)
            return {"drop": seeded.dropout(tf.ones([50]), 0.5, name="drop"), "noise": noise}

    (one,), (other,) = drawn(alone, training_batch(3)), drawn(moved, training_batch(3))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_every_operation_of_the_factory_draws_what_the_ordinary_one_draws():
    def build(seeded):
        return {
            "dropout": seeded.dropout(tf.ones([5]), 0.5),
            "normal": seeded.normal([5], 1.0, 2.0),
            "truncated_normal": seeded.truncated_normal([5]),
            "uniform": seeded.uniform([5], 0, 9, tf.int32),
            "shuffle": seeded.shuffle(tf.range(5)),
            "categorical": seeded.categorical(tf.zeros([1, 3]), 5),
            "gamma": seeded.gamma([5], 2.0),
            "poisson": seeded.poisson([5], 2.0),
            "a variable": v1.get_variable("w", initializer=seeded.normal([5], name="w")),
        }

    (found,) = drawn(build, training_batch(0))
    assert {value.shape for value in found.values()} == {(5,), (1, 5)}


def test_the_same_name_twice_and_a_call_outside_of_a_graph_are_refused():
    def twice(seeded):
        return [seeded.normal([2], name="noise") for _ in range(2)]

    with pytest.raises(TrialDefinitionError, match=r"a normal named 'noise' .* before, .*Give one another name"):
        drawn(twice)
    with pytest.raises(TrialDefinitionError, match=r"self.seeded.dropout\(\) was called where no graph is built"):
        SeedFactory(7).dropout(ONES, 0.5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: tf.function(lambda: tf.random.normal([2]))(), "within the function .* Use plain Python there"),
        (
            lambda: tf.vectorized_map(lambda row: row + tf.random.normal([2]), tf.zeros([3, 2])),
            "within tf.vectorized_map",
        ),
    ],
    ids=["tf.function", "vectorized_map"],
)
def test_a_body_that_several_calls_share_is_refused(build, message):
    with pytest.raises(TrialDefinitionError, match=message):
        drawn(lambda seeded: {"x": build()}, training_batch(0))


def test_outside_of_the_trials_graph_tensorflow_draws_as_usual_and_gets_its_functions_back():
    before = {name: getattr(gen_random_ops, name) for name in TWINS}
    get_seed = random_seed.get_seed
    tf.random.set_seed(3)
    usual = tf.random.normal([3]).numpy()
    tf.random.set_seed(3)
    tf.random.set_seed(3)
    with KeyedRandom(tf.Graph(), 7).installed():
        assert np.array_equal(tf.random.normal([3]).numpy(), usual)
    assert {name: getattr(gen_random_ops, name) for name in before} == before
    assert random_seed.get_seed is get_seed


def test_tensorflow_still_has_the_internals_that_are_replaced():
    """If this fails, TensorFlow has moved what `pedl.trial.graph_random` replaces: look there first."""
    source = inspect.getsource(random_ops)
    made = {name for name in dir(gen_random_ops) if f"gen_random_ops.{name}(" in source}
    assert made - {"random_gamma_grad"} == set(TWINS)
    for name in TWINS:
        assert {"seed", "seed2", "name"} <= set(inspect.signature(getattr(gen_random_ops, name)).parameters)
    assert source.count("random_seed.get_seed(seed)") == len(TWINS) - 1  # one for both kinds of uniform
    assert list(inspect.signature(random_seed.get_seed).parameters) == ["op_seed"]


def test_the_first_operation_of_a_loops_functions_is_still_its_counter():
    inside = []

    def body(total):
        inside.append(v1.get_default_graph().get_operations()[0])
        return total * 2.0

    with tf.Graph().as_default():
        tf.while_loop(lambda total: total < 100.0, body, [tf.constant(1.0)])
    assert [(it.type, it.name, it.outputs[0].dtype) for it in inside] == [
        ("Placeholder", "while/loop_counter", tf.int32)
    ]
