"""tf.data goes on where it was, and what cannot be gone through exactly is refused."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial import datasets
from pedl.trial.datasets import DatasetSource
from tests.marks import long_but
from tests.trial.alone import Failed

END = (["train", 17], ["words"], ["weights"])


@pytest.mark.parametrize("pipeline", long_but(("endless",), ["generated", "endless", "interleaved"]))
def test_each_pipeline_goes_on_exactly_in_its_second_epoch(alone, tmp_path, pipeline):
    hparams = {"pipeline": pipeline}
    whole = alone("dataset", *END, hparams=hparams)
    saved = alone("dataset", ["train", 4], ["train", 9], ["save", str(tmp_path)], hparams=hparams)[-1]
    rest = alone("dataset", ["load", saved["path"]], ["train", 4], ["words"], ["weights"], hparams=hparams)
    assert rest[-2:] == whole[-2:]
    words = [word for step in whole[0] for word in step["data"]]
    assert len(set(words)) == len(words), "each batch of two epochs has other data"


def source(dataset, role="training"):
    return DatasetSource(dataset, 3, role, f"the {role} data")


def numbers(count, size=4):
    return tf.data.Dataset.range(count).map(lambda i: (tf.fill([3], tf.cast(i, tf.float32)), i)).batch(size)


def passed(segments):
    return [len(segment.feed[0][0]) for segment in segments for _ in range(segment.count)]


def test_structures_are_kept_and_the_last_batch_is_smaller():
    pairs = tf.data.Dataset.from_tensor_slices(({"b": np.ones((5, 2)), "a": np.ones(5)}, np.arange(5), np.ones(5)))
    first, second = source(pairs.batch(3)).segments(0, 2, lambda: 8)
    assert first.feed[0]["b"].shape == (1, 3, 2) and second.feed[0]["b"].shape == (1, 2, 2)
    assert len(first.feed) == 3


def test_a_validation_is_one_pass_and_the_same_one_each_time(monkeypatch):
    for kept_bytes in (2**20, 0):
        monkeypatch.setattr(datasets, "KEPT_BYTES", kept_bytes)
        validation = source(numbers(10), "validation")
        validation.examples()
        words = [np.concatenate([s.words for s in validation.epoch(lambda: 2)]).tolist() for _ in range(3)]
        assert words[0] == words[1] == words[2] and len(words[0]) == 3


def test_shuffled_validation_data_are_kept_or_refused(monkeypatch):
    kept = source(numbers(64, 1).shuffle(64, seed=1), "validation")
    first, second = (np.concatenate([s.words for s in kept.epoch(lambda: 8)]).tolist() for _ in range(2))
    assert first == second
    monkeypatch.setattr(datasets, "KEPT_BYTES", 0)
    shuffled = source(numbers(64, 1).shuffle(64, seed=1), "validation")
    list(shuffled.epoch(lambda: 8))
    with pytest.raises(TrialDefinitionError, match=r"differs from validation to validation.*\n?.*\.cache\(\)"):
        list(shuffled.epoch(lambda: 8))


def ragged():
    return tf.data.Dataset.from_tensor_slices(tf.ragged.constant([[1.0], [2.0, 3.0]])).batch(2)


def sparse():
    return tf.data.Dataset.from_tensor_slices(tf.sparse.eye(4)).batch(2)


@pytest.mark.parametrize(
    ("dataset", "role", "message"),
    [
        (ragged(), "training", r"yields RaggedTensors, expected tensors.*to_tensor"),
        (sparse(), "training", r"yields SparseTensors.*tf.sparse.to_dense"),
        (tf.data.Dataset.range(5), "training", r"yields int64 \(\), expected batches.*\.batch\(batch_size\)"),
        (numbers(8).unbatch(), "training", r"yields float32 \(3,\), int64 \(\).*Is it batched"),
        (numbers(8).repeat(), "validation", r"never ends.*\.take\(n\)"),
        (tf.data.Dataset.from_tensor_slices(["a", "b"]).batch(2), "training", r"string.*expected numeric"),
    ],
    ids=["ragged", "sparse", "scalars", "samples", "endless validation", "text"],
)
def test_what_cannot_be_kept_exact_is_refused_with_what_to_do(dataset, role, message):
    with pytest.raises(TrialDefinitionError, match=message):
        source(dataset, role).examples()


@pytest.mark.parametrize("empty", [numbers(0), numbers(3).filter(lambda x, y: False)])
def test_an_empty_dataset_is_refused(empty):
    with pytest.raises(TrialDefinitionError, match=r"is empty: its tf\.data\.Dataset has no batches"):
        source(empty).examples()


def test_a_generator_draws_under_the_key_of_its_batch_whatever_else_draws():
    def draws():
        yield from (np.random.random((2,)) for _ in itertools.repeat(0, 6))

    def made(noise):
        data = tf.data.Dataset.from_generator(draws, output_signature=tf.TensorSpec([2], tf.float64)).prefetch(4)
        found = []
        for batch in source(data).batches(0, 9):
            found.append(batch[0].tolist())
            np.random.random(noise)
        return found

    tf.config.experimental.enable_op_determinism()
    assert made(0) == made(5)


def test_a_layer_of_the_model_in_the_data_is_refused(alone, tmp_path):
    path = tmp_path / "shared_layer.py"
    path.write_text(SHARED_LAYER)

    with pytest.raises(Failed, match=r"making a batch changes .*which belongs to the model"):
        alone(path, ["train", 1])


SHARED_LAYER = """
import keras, numpy as np, tensorflow as tf
from pedl.trial import KerasTrial

class SharedTrial(KerasTrial):
    def __init__(self, hparams):
        self.noise = keras.layers.GaussianNoise(0.1)
    def build_model(self, hparams):
        return keras.Sequential([keras.Input((3,)), self.noise, keras.layers.Dense(1)])
    def optimizer(self):
        return "sgd"
    def loss(self):
        return "mse"
    def batch_size(self):
        return 2
    def validation_metrics(self):
        return {}
    def make_data_loaders(self, experiment_config, hparams):
        data = tf.data.Dataset.from_tensor_slices((np.ones((4, 3)), np.ones((4, 1)))).batch(2)
        return data.map(lambda x, y: (self.noise(x, training=True), y)), data
"""
