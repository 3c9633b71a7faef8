"""The laws hold for the three trial classes, and say what differs where one is broken; in a user's own test file."""

import time
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.testing import assert_independent_of_draws, assert_reproducible, assert_resume_is_exact, laws
from pedl.trial import KerasFunctionalTrial, KerasTrial, TensorFlowTrial
from pedl.verify.short_runs import Recording
from tests.marks import long_but


def samples(count):
    x = np.random.default_rng(3).normal(size=(count, 4))
    return x, (x[:, 0] > 0).astype("int64")


class SmallTrial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                layers.Dense(hparams["units"], activation="relu", name="hidden"),
                layers.Dropout(0.5, name="drop"),
                layers.Dense(2, activation="softmax", name="out"),
            ]
        )

    def optimizer(self):
        return keras.optimizers.Adam(0.01)

    def loss(self):
        return "sparse_categorical_crossentropy"

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return {"accuracy": "accuracy"}

    def make_data_loaders(self, experiment_config, hparams):
        return samples(20), samples(8)


class TwoOutputsTrial(KerasFunctionalTrial):
    def build_model(self, hparams):
        x = keras.Input((4,), name="x")
        hidden = self.seeded.layers.Dense(hparams["units"], name="hidden")(x)
        outputs = {name: self.seeded.layers.Dense(1, name=name)(hidden) for name in ("one", "other")}
        return keras.Model({"x": x}, outputs)

    def optimizer(self):
        return keras.optimizers.SGD(0.01)

    def losses(self):
        return {"one": "mse", "other": "mae"}

    def batch_size(self):
        return 4

    def validation_metrics(self):
        return {}

    def make_data_loaders(self, experiment_config, hparams):
        x, y = samples(20)
        return ({"x": x}, {"one": y, "other": y}), ({"x": x}, {"one": y, "other": y})


class SmallGraphTrial(TensorFlowTrial):
    def build_graph(self, record, is_training):
        weights = tf.compat.v1.get_variable("weights", [4, 2])
        logits = tf.nn.dropout(record["x"] @ weights, tf.where(is_training, 0.3, 0.0))
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=record["y"], logits=logits)
        return {"loss": tf.reduce_mean(losses)}

    def optimizer(self):
        return tf.compat.v1.train.AdamOptimizer(0.01)

    def validation_metrics(self):
        return []

    def batch_size(self):
        return 4

    def make_data_loaders(self, experiment_config, hparams):
        return tuple(dict(zip("xy", samples(count), strict=True)) for count in (20, 8))


LAWS = (assert_reproducible, assert_resume_is_exact, assert_independent_of_draws)
SHORT = [(assert_reproducible, SmallTrial)]
LONG = [(law, SmallTrial) for law in LAWS[1:]] + [(assert_resume_is_exact, SmallGraphTrial)]
SOAK = [(law, it) for law in LAWS for it in (TwoOutputsTrial, SmallGraphTrial) if (law, it) not in LONG]


@pytest.mark.parametrize(
    ("law", "trial_class"),
    [*long_but(SHORT, SHORT + LONG), *(pytest.param(*case, marks=pytest.mark.soak) for case in SOAK)],
)
def test_a_trial_keeps_the_law(law, trial_class):
    law(trial_class, {"units": 3})


class ClockTrial(SmallTrial):
    """Starts from weights that depend on the second."""

    def build_model(self, hparams):
        seed = int(time.time())
        hidden = keras.layers.Dense(3, kernel_initializer=keras.initializers.GlorotUniform(seed), name="hidden")
        return keras.Sequential([hidden, self.seeded.layers.Dense(2, activation="softmax", name="out")])


@pytest.mark.long
def test_one_that_reads_the_clock_is_not_reproducible_and_is_told_where():
    with pytest.raises(AssertionError, match="ClockTrial has other bits") as failed:
        assert_reproducible(ClockTrial)
    assert "the initial weights differ; after batch 1: " in str(failed.value)
    assert "sequential/hidden/kernel" in str(failed.value)
    assert "clock" in str(failed.value) or "nothing at all" in str(failed.value)
    line = 1 + Path(__file__).read_text().splitlines().index("        seed = int(time.time())")
    assert f"test_laws.py, line {line}: time.time" in str(failed.value)


def test_where_only_several_together_move_a_bit_that_is_said(monkeypatch):
    class NoneAlone:
        def run(self, subject, surroundings=None):
            together = surroundings is not None and len(surroundings.disturb) > 3
            return Recording("i", ("d",), ("moved" if together else "s",), {}, {}, None, ())

        def reference(self, subject):
            return self.run(subject)

    monkeypatch.setattr(laws, "_runs", lambda root: NoneAlone())
    with pytest.raises(AssertionError, match="What moves them: only several together of hash seed, directory order"):
        assert_reproducible(SmallTrial, {"units": 3})


@pytest.mark.parametrize("moves", [True, False])
def test_what_draws_before_it_may_move_no_bit(monkeypatch, moves):
    class Drawn:
        def run(self, subject, surroundings=None):
            drawn = surroundings is not None and surroundings.disturb == {"draws": 3}
            return Recording("moved" if drawn and moves else "i", ("d",), ("s",), {}, {}, None, ())

        def reference(self, subject):
            return self.run(subject)

    monkeypatch.setattr(laws, "_runs", lambda root: Drawn())
    with pytest.raises(AssertionError, match=r"Make these layers with self\.seeded") if moves else nullcontext():
        assert_independent_of_draws(SmallTrial, {"units": 3})


def test_what_moves_by_itself_is_not_blamed_on_draws(monkeypatch):
    class Restless:
        words = iter("abc")

        def run(self, subject, surroundings=None):
            return Recording("i", ("d",), (next(self.words),), {}, {}, None, ())

        def reference(self, subject):
            return self.run(subject)

    monkeypatch.setattr(laws, "_runs", lambda root: Restless())
    with pytest.raises(AssertionError, match="nothing at all: two runs in the same surroundings differ") as failed:
        assert_independent_of_draws(SmallTrial, {"units": 3})
    assert "self.seeded" not in str(failed.value)


class DecayTrial(SmallTrial):
    def keras_callbacks(self):
        return [keras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=9)]


@pytest.mark.long
def test_a_trial_with_callbacks_of_keras_is_resumed_exactly():
    assert_resume_is_exact(DecayTrial, {"units": 3})


class Counting(keras.utils.PyDataset):
    """Its batches grow with every one that was taken, and no checkpoint knows how many were."""

    def __init__(self):
        super().__init__()
        self.taken = 0

    def __len__(self):
        return 5

    def __getitem__(self, index):
        self.taken += 1
        x, y = samples(4)
        return x * self.taken, y


class CountingTrial(SmallTrial):
    def make_data_loaders(self, experiment_config, hparams):
        return Counting(), samples(8)


@pytest.mark.long
def test_one_that_counts_batches_by_itself_is_not_resumed_exactly():
    with pytest.raises(AssertionError, match=r"resumed after batch 3: the data of batch 4 .step 2. differ"):
        assert_resume_is_exact(CountingTrial, {"units": 3})


class OrderedTrial(SmallTrial):
    def build_model(self, hparams):
        return keras.Sequential([keras.layers.Dense(3, name="mine"), self.seeded.layers.Dense(2, name="out")])


@pytest.mark.long
def test_a_layer_that_draws_its_seed_in_turn_depends_on_its_neighbours():
    with pytest.raises(AssertionError, match=r"when something draws .* before it: the initial weights differ; .*mine"):
        assert_independent_of_draws(OrderedTrial)


@pytest.mark.soak
@pytest.mark.parametrize(("trial_class", "hparams"), [(CountingTrial, {"units": 3}), (OrderedTrial, {})])
def test_what_breaks_one_law_may_keep_another(trial_class, hparams):
    assert_reproducible(trial_class, hparams)


def test_a_class_within_a_function_is_refused_with_what_to_do():
    class Hidden(SmallTrial):
        pass

    with pytest.raises(TrialDefinitionError, match="Move it out of the function"):
        assert_reproducible(Hidden)


class FailingTrial(SmallTrial):
    def build_model(self, hparams):
        raise ValueError("no model today")


def test_a_trial_that_does_not_train_is_told_with_its_own_error():
    with pytest.raises(TrialDefinitionError, match="no model today"):
        assert_resume_is_exact(FailingTrial)


def test_a_field_that_no_configuration_has_is_refused():
    with pytest.raises(Exception, match="dta"):
        assert_reproducible(SmallTrial, {"units": 3}, config={"dta": {}})
