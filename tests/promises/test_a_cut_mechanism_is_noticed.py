"""The tests of resuming and of repeating can fail: each mechanism that they rest on is broken here, and they notice."""

import pytest

from tests.marks import long_but
from tests.trial.alone import Alone

SABOTAGE = "tests.trial.sabotage"

FORGOTTEN = [
    ("cnn", "forget_seed_generators"),
    ("cnn", "forget_moving_statistics"),
    ("cnn", "forget_momenta"),
    ("cnn", "forget_iteration"),
    ("cnn", "forget_averages"),
    ("cnn", "forget_metrics"),
    ("cnn", "forget_one_weight"),
    ("cnn", "forget_batches_done"),
    ("lstm", "forget_accumulators"),
    ("functional", "forget_one_weight"),
    ("dataset", "forget_position_in_the_data"),
    ("gan", "forget_seed_generators"),
    ("callbacks", "forget_callbacks"),
    ("mixed", "forget_loss_scale"),
    ("stateful", "forget_memory"),
    ("graph", "forget_moving_statistics_of_a_graph"),
    ("graph", "forget_slots_of_a_graph"),
    ("graph", "forget_powers_of_a_graph"),
    ("graph", "forget_batches_done"),
]

SHORT = [
    ("cnn", "forget_seed_generators"),
    ("graph", "forget_slots_of_a_graph"),
]
"""What a plain `pytest` takes."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    runner = Alone(tmp_path_factory.mktemp("cut"))
    yield runner
    runner.close()


@pytest.fixture(scope="module")
def uncut(alone, tmp_path_factory):
    """workload -> (what resumes it after 7 batches and trains 3 more, the words that it then has, uncut)."""
    known = {}

    def result(workload):
        if workload not in known:
            directory = str(tmp_path_factory.mktemp(workload))
            first = alone(workload, ["train", 7], ["save", directory], ["train", 3], ["words"])
            resume = [["load", first[1]["path"]], ["train", 3], ["words"]]
            assert alone(workload, *resume)[-1] == first[-1]
            known[workload] = resume, first[-1]
        return known[workload]

    return result


@pytest.mark.parametrize(("workload", "sabotage"), long_but(SHORT, FORGOTTEN))
def test_a_forgotten_piece_of_state_changes_the_fingerprint(alone, uncut, workload, sabotage):
    resume, words = uncut(workload)
    assert alone(workload, ["python", SABOTAGE, sabotage], *resume)[-1]["fingerprint"] != words["fingerprint"]


CUTS = {
    "random": "import random, os; random.seed(os.urandom(8))",
    "np.random": "import os, numpy; numpy.random.seed(list(os.urandom(8)))",
    "tensorflow": "import os, tensorflow as tf; tf.random.set_seed(int.from_bytes(os.urandom(4), 'big'))",
    "default_rng": "import os, numpy; numpy.random.default_rng.__wrapped__ and setattr(numpy.random, 'default_rng', "
    "lambda seed=None: numpy.random.Generator(numpy.random.PCG64(int.from_bytes(os.urandom(8), 'big'))))",
    "the trial seed": "import os, pedl.trial.start as s, pedl.trial.trial as t; "
    "t.SeedFactory = lambda *seeds, real=t.SeedFactory: real(int.from_bytes(os.urandom(3), 'big'))",
}

EVERYTHING_THAT_DRAWS = """
{cut}
import random

import keras
import numpy as np
import tensorflow as tf

from pedl.trial import KerasTrial


class Trial(KerasTrial):
    def build_model(self, hparams):
        return keras.Sequential([keras.Input((4,)), keras.layers.Dense(8), self.seeded.layers.Dense(2, name="out")])

    def optimizer(self):
        return keras.optimizers.SGD(0.1)

    def loss(self):
        return "mean_squared_error"

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return {{}}

    def make_data_loaders(self, experiment_config, hparams):
        x = np.random.normal(size=(16, 4)) + np.random.default_rng().normal(size=(16, 4)) + tf.random.normal((16, 4))
        y = np.full((16, 2), random.random())
        return (x.numpy(), y), (x.numpy(), y)
"""


def _repeats(alone, tmp_path, cut):
    definition = tmp_path / "definition.py"
    definition.write_text(EVERYTHING_THAT_DRAWS.format(cut=cut))
    first, second = ([alone(definition, ["train", 4], ["words"])[-1]] for _ in range(2))
    return first == second


def test_uncut_the_same_trial_repeats_its_bits(alone, tmp_path):
    assert _repeats(alone, tmp_path, "")


@pytest.mark.parametrize("path", long_but(("np.random", "the trial seed"), CUTS))
def test_a_cut_seed_path_changes_the_fingerprint(alone, tmp_path, path):
    assert not _repeats(alone, tmp_path, CUTS[path])


def test_an_order_that_is_not_keyed_by_the_seed_changes_the_fingerprint(alone):
    cut = ["python", SABOTAGE, "order_from_entropy"]
    first, second = (alone("mlp", cut, ["train", 10], ["words"])[-1]["fingerprint"] for _ in range(2))
    assert first != second


@pytest.mark.long
def test_an_order_that_forgets_the_epoch_repeats_the_data_of_the_first(alone):
    def epochs(*actions):
        words = [word for step in alone("mlp", *actions, ["train", 15])[-1] for word in step["data"]]
        return words[:7], words[7:14]

    first, second = epochs()
    assert set(first).isdisjoint(second)
    first, second = epochs(["python", SABOTAGE, "unkeyed_order"])
    assert first == second
