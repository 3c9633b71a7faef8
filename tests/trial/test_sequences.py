"""A PyDataset gives the same batches for any number of workers, threads or processes."""

import random
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.sequences import SequenceSource
from pedl.trial.tracked import TrackedGenerators
from tests.marks import long_but
from tests.trial.alone import WORKLOADS, Failed

ACTIONS = (["train", 10], ["validate"], ["words"])


@pytest.fixture(scope="module")
def one_worker(alone):
    return alone("sequence", *ACTIONS, hparams={"workers": 0})


@pytest.mark.parametrize("workers", long_but((4,), [1, 4]))
def test_threads_give_the_batches_of_one_worker(alone, one_worker, workers):
    assert alone("sequence", *ACTIONS, hparams={"workers": workers}) == one_worker


@pytest.mark.long
@pytest.mark.parametrize("workers", [2])
def test_processes_give_the_batches_of_one_worker(alone, one_worker, workers):
    assert alone("processes", *ACTIONS, hparams={"workers": workers}) == one_worker


@pytest.mark.long
def test_processes_resume_in_the_middle_of_an_epoch(alone, one_worker, tmp_path):
    saved = alone("processes", ["train", 6], ["save", str(tmp_path)], hparams={"workers": 2})[-1]
    actions = (["load", saved["path"]], ["train", 4], ["validate"], ["words"])
    assert alone("processes", *actions, hparams={"workers": 2})[-2:] == one_worker[-2:]


def beside_the_workload(directory, text):
    """Writes a model definition that imports the workload, and returns its path."""
    definition = directory / "definition.py"
    definition.write_text(text)
    (directory / "sequence.py").write_bytes((WORKLOADS / "sequence.py").read_bytes())
    return definition


FAILING = """
import keras
import numpy as np

from sequence import Noisy, SequenceTrial as _SequenceTrial

rng = np.random.default_rng()


class Failing(Noisy):
    def __getitem__(self, index):
        if index == 3:
            {fault}
        return super().__getitem__(index)


class FailingTrial(_SequenceTrial):
    def make_data_loaders(self, experiment_config, hparams):
        return Failing(60, 8, workers=2, use_multiprocessing=True), Noisy(20, 8)
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("raise ValueError('the picture is torn')", "(?s)training data of FailingTrial.*batch 3.*the picture is torn"),
        ("import os; os._exit(9)", "exit code 9"),
        ("rng.normal()", r"(?s)batch 3.*training data of FailingTrial\[3\] draws from.*of definition\.py:<module>\)"),
        ("return 'text'", "training data of FailingTrial.*yielded.*'text'"),
    ],
)
def test_what_happens_in_an_item_process_reaches_the_user(alone, tmp_path, fault, message):
    definition = beside_the_workload(tmp_path, FAILING.format(fault=fault))
    with pytest.raises(Failed, match=message):
        alone(definition, *ACTIONS)


EAGER = """
import time

import keras
import numpy as np

from sequence import Noisy, SequenceTrial as _SequenceTrial


class Jitter(keras.layers.Layer):
    def call(self, x):
        return x + np.random.normal(scale=0.01)


class Slow(Noisy):
    def __getitem__(self, index):
        item = super().__getitem__(index)
        time.sleep(0.2)
        return item


class EagerTrial(_SequenceTrial):
    def build_model(self, hparams):
        x, row = keras.Input((10,), name="x"), keras.Input((1,), name="row")
        y = self.seeded.layers.Dense(1, activation="sigmoid", name="out")(Jitter()(keras.layers.concatenate([x, row])))
        return keras.Model({"x": x, "row": row}, y)

    def compile_model(self, model):
        model.compile(self.optimizer(), self.loss(), run_eagerly=True)

    def make_data_loaders(self, experiment_config, hparams):
        return Slow(60, 8), Noisy(20, 8)
"""


@pytest.mark.long
def test_an_eager_model_that_draws_does_not_meet_the_thread_that_makes_its_batches(alone, tmp_path):
    definition = beside_the_workload(tmp_path, EAGER)
    actions = (["train", 20], ["words"])
    first = alone(definition, *actions)
    assert alone(definition, *actions) == first
    ahead = ["python", "tests.trial.sabotage", "make_ahead_beside_python"]
    assert alone(definition, ahead, *actions)[1:] != first


HOOKED = """
import keras
import numpy as np

from sequence import Noisy, SequenceTrial as _SequenceTrial


class Hooked(Noisy):
    def __init__(self, *sizes, **workers):
        super().__init__(*sizes, **workers)
        self.rng = np.random.default_rng(0)
        self.seeds = keras.random.SeedGenerator(0)
        self.epoch = 0

    def on_epoch_end(self):
        self.epoch += 1
        self.rng.shuffle(self.order)
        self.order = self.order[np.argsort(keras.random.uniform((self.size,), seed=self.seeds))]
        self.made = np.random.default_rng(self.epoch)
        self.made.shuffle(self.order)


class HookedTrial(_SequenceTrial):
    def keras_callbacks(self):
        return [Making()]

    def make_data_loaders(self, experiment_config, hparams):
        return Hooked(60, 8, **hparams), Noisy(20, 8)


class Making(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        generators.append(np.random.default_rng())


generators = []
"""


PROCESSES = {"workers": 2, "use_multiprocessing": True}
THREADS = {"workers": 4, "use_multiprocessing": False}


@pytest.mark.parametrize(
    ("saved_at", "workers"),
    long_but(((16, THREADS),), [(5, THREADS), (16, THREADS), (20, THREADS), (16, PROCESSES), (20, PROCESSES)]),
    ids=["in the first epoch", "at an epoch's end", "in an epoch", "processes at an epoch's end", "processes"],
)
def test_hooks_that_draw_from_kept_generators_are_called_again_before_these_are_restored(
    alone, tmp_path, saved_at, workers
):
    definition = beside_the_workload(tmp_path, HOOKED)
    first = (["train", saved_at], ["save", str(tmp_path)])
    then = (["train", 40 - saved_at], ["validate"], ["words"], ["weights"])
    _, saved, *whole = alone(definition, *first, *then, hparams=workers)
    assert alone(definition, ["load", saved["path"]], *then, hparams=workers)[1:] == whole


class Items(keras.utils.PyDataset):
    """Two batches; `draw(self)` makes what is in them, and `hook(self)` is called at an epoch's end."""

    def __init__(self, draw, hook=lambda dataset: None):
        super().__init__()
        self.draw, self.hook = draw, hook
        self.rng = np.random.default_rng(1)
        self.old = np.random.RandomState(1)
        self.python = random.Random(1)
        self.seeds = keras.random.SeedGenerator(1)
        self.flip = keras.layers.RandomFlip(seed=1)
        self.generator = tf.random.Generator.from_seed(1)
        self.traced = tf.function(lambda: tf.function(self.generator.normal)([2]))
        self.traced()
        self.stream = tf.function(lambda: tf.random.uniform([2]))
        self.dense = keras.layers.Dense(2, kernel_initializer=keras.initializers.HeNormal(1))
        self.scale = keras.Sequential([keras.Input((2,)), keras.layers.Rescaling(2.0), keras.layers.Dropout(0.5)])

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return np.zeros((2, 2)) + np.mean(self.draw(self))

    def on_epoch_end(self):
        self.hook(self)


def first_of(dataset, name, make):
    """Returns what an attribute holds, made at the first need."""
    return vars(dataset).get(name) or vars(dataset).setdefault(name, make())


def replaced(dataset):
    dataset.rng = np.random.default_rng()
    return dataset.rng.normal(size=3)


IMAGES = np.zeros((1, 2, 2, 1), "float32")

MOVING = {
    "a NumPy generator": (lambda it: it.rng.normal(), r"self\.rng \(a generator of test_sequences\.py:Items\.__init__"),
    "a RandomState": (lambda it: it.old.normal(), r"self\.old"),
    "a Python generator": (lambda it: it.python.random(), r"self\.python"),
    "made by the first item": (lambda it: first_of(it, "lazy", np.random.default_rng).normal(), r"self\.lazy"),
    "a SeedGenerator": (
        lambda it: keras.random.normal((2,), seed=it.seeds),
        r"training data of T\[\d\].*AssignVariableOp \(test_sequences\.py:\d+\).*In __getitem__, draw from np\.random",
    ),
    "a layer": (lambda it: it.flip(IMAGES, training=True), r"AssignVariableOp"),
    "Keras's global generator": (lambda it: keras.random.normal((2,)), r"AssignVariableOp"),
    "a tf.random.Generator": (lambda it: it.generator.normal([2]), r"RngReadAndSkip"),
    "one in a traced function": (lambda it: it.traced(), r"RngReadAndSkip"),
    "a stream of TensorFlow": (lambda it: tf.random.normal([2], seed=1), r"RandomStandardNormal"),
    "a stream in a function": (lambda it: it.stream(), r"RandomUniform"),
}

STILL = {
    "np.random and random": lambda it: np.random.normal() + random.random(),
    "a generator of the item": lambda it: np.random.default_rng().normal() + random.Random(3).random(),
    "one that is kept until the next item": replaced,
    "a seed": lambda it: keras.random.normal((2,), seed=np.random.randint(2**31)),
    "a SeedGenerator of the item": lambda it: keras.random.normal((2,), seed=keras.random.SeedGenerator(3)),
    "a layer of the item": lambda it: keras.layers.RandomFlip(seed=3)(IMAGES, training=True),
    "a tf.random.Generator of the item": lambda it: tf.random.Generator.from_seed(3).normal([2]),
    "stateless operations": lambda it: tf.random.stateless_normal([2], [1, 2]),
    "a layer that the first item builds": lambda it: it.dense(np.ones((2, 2))),
    "a model": lambda it: it.scale(np.ones((2, 2))),
    "what a model predicts": lambda it: it.scale.predict(np.ones((2, 2)), verbose=0),
}


@pytest.fixture
def generators():
    with TrackedGenerators(7, Path(__file__)) as generators:
        yield generators


def training(generators, *items):
    return SequenceSource(Items(*items), 7, "training", "the training data of T", generators)


@pytest.mark.parametrize("draw", MOVING)
def test_an_item_that_draws_from_what_is_kept_is_refused(generators, draw):
    item, message = MOVING[draw]
    source = training(generators, item)
    with pytest.raises(TrialDefinitionError, match=message):
        list(source.batches(0, 3))


@pytest.mark.parametrize("draw", STILL)
def test_an_item_that_keeps_nothing_is_the_same_whatever_was_made_before(generators, draw):
    source = training(generators, STILL[draw])
    source.examples()
    state = generators.get_state()
    whole = list(source.batches(0, 6))
    assert [it["name"] for it in generators.get_state()["generators"]] == [it["name"] for it in state["generators"]]
    resumed = training(generators, STILL[draw])
    resumed.go_to(3)
    assert np.array_equal(list(resumed.batches(3, 3)), whole[3:])


def test_hooks_find_their_generators_as_they_were_at_any_batch(generators):
    def hook(dataset):
        dataset.value = dataset.rng.normal() + np.random.default_rng().normal()

    def value(dataset):
        return vars(dataset).get("value", 0.0)

    source = training(generators, value, hook)
    whole = [(source._dataset.rng.bit_generator.state, source.batch(number)) for number in range(7)]
    for start in range(7):
        source = training(generators, value, hook)
        source.go_to(start)
        assert source._dataset.rng.bit_generator.state == whole[start][0]
        assert np.array_equal(list(source.batches(start, 7 - start)), [batch for _, batch in whole[start:]])


def test_a_hook_whose_generator_something_else_draws_from_is_refused(generators):
    source = training(generators, lambda it: 0.0, lambda it: it.rng.normal())
    list(source.batches(0, 3))
    source._dataset.python.random()
    list(source.batches(3, 2))
    source._dataset.rng.normal()
    with pytest.raises(TrialDefinitionError, match=r"on_epoch_end\(\) of the training data of T draws from self\.rng"):
        list(source.batches(5, 2))
