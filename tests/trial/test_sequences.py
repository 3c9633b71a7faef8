"""A PyDataset gives the same batches for any number of workers, threads or processes."""

import pytest

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
