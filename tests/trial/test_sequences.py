"""A PyDataset gives the same batches for any number of workers, threads or processes."""

import pytest

from tests.marks import long_but
from tests.trial.alone import Failed

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
    definition = tmp_path / "failing.py"
    definition.write_text(FAILING.format(fault=fault))
    (tmp_path / "sequence.py").write_bytes((alone.workloads / "sequence.py").read_bytes())
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
    definition = tmp_path / "eager.py"
    definition.write_text(EAGER)
    (tmp_path / "sequence.py").write_bytes((alone.workloads / "sequence.py").read_bytes())
    actions = (["train", 20], ["words"])
    first = alone(definition, *actions)
    assert alone(definition, *actions) == first
    ahead = ["python", "tests.trial.sabotage", "make_ahead_beside_python"]
    assert alone(definition, ahead, *actions)[1:] != first
