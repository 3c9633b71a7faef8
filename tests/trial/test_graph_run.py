"""A graph is trained in one order, whatever its author put into it; the laws of every trial are in test_run.py."""

from __future__ import annotations

import pytest

from tests.trial.alone import Failed

DEFINITION = """
import keras
import numpy as np
import tensorflow as tf

from pedl.trial import TensorFlowTrial

v1 = tf.compat.v1
X = np.arange(1.0, 7.0)[:, None]


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = X[4 * index : 4 * index + 4]
        return {"x": rows + 0.001 * np.random.normal(size=rows.shape), "row": np.arange(len(rows))}


class Trial(TensorFlowTrial):
    def build_graph(self, record, is_training):
        x = record["x"] if isinstance(record, dict) else record[0]
        w = v1.get_variable("w", [1], initializer=v1.zeros_initializer())
        table = v1.get_variable("table", [9, 1], initializer=v1.zeros_initializer())
        average = v1.get_variable("average", [1], initializer=v1.zeros_initializer(), trainable=False)
        calls = v1.get_variable("calls", [], initializer=v1.zeros_initializer(), trainable=False)
        v1.add_to_collection(v1.GraphKeys.UPDATE_OPS, average.assign(w))
        v1.train.get_or_create_global_step()
        rows = tf.nn.embedding_lookup(table, tf.cast(x, tf.int64) % 9)
        return {
            "loss": -tf.reduce_sum(w) - tf.reduce_mean(rows),
            "w": w.read_value()[0],
            "average": average.read_value()[0],
            "counter": self.training_counter(),
            "mean": tf.reduce_mean(x),
            "calls": calls.assign_add(1.0),
        }

    def optimizer(self):
        kind = self.hparams.get("optimizer", "GradientDescentOptimizer")
        return getattr(v1.train, kind)(self.hparams.get("rate", 1.0))

    def batch_size(self):
        return 4

    def training_metrics(self):
        return self.hparams.get("training_metrics", ["w", "counter", "mean"])

    def validation_metrics(self):
        return ["mean", "calls"]

    def make_data_loaders(self, experiment_config, hparams):
        data = hparams.get("data", "dicts")
        if data == "sequence":
            return Batches(workers=2), Batches()
        if data == "tf.data":
            made = tf.data.Dataset.from_tensor_slices({"x": X.astype("float32"), "row": np.arange(6)})
            return made.shuffle(6).batch(4), made.batch(4)
        if data == "tuples":
            return (X, np.arange(6)), (X, np.arange(6))
        return {"x": X, "row": np.arange(6)}, {"x": X, "row": np.arange(6)}
"""

ONE_BATCH = {"batches_per_step": 1}


@pytest.fixture
def trial(tmp_path):
    file = tmp_path / "definition.py"
    file.write_text(DEFINITION)
    return file


def test_what_is_returned_is_of_before_the_update(alone, trial):
    reports = alone(trial, ["train", 150], config=ONE_BATCH)[0]
    # The gradient of w is -1 and the rate 1: it counts the updates.
    assert [report["metrics"]["w"] for report in reports] == list(range(150))
    assert [report["metrics"]["counter"] for report in reports] == list(range(150))


def test_training_metrics_are_means_over_the_samples_of_a_step(alone, trial):
    (report,) = alone(trial, ["train", 2], config={"batches_per_step": 2})[0]
    assert report["metrics"]["mean"] == 3.5
    assert report["metrics"]["counter"] == 2 / 6


def test_update_operations_run_before_the_optimizer_and_the_global_step_counts(alone, trial, tmp_path):
    config = ["python", "tests.trial.test_graph_run", "variables"]
    found = alone(trial, ["train", 3], config)[-1]
    assert (found["w"], found["average"], found["global_step"]) == ([3.0], [2.0], 3)
    assert sum(row[0] for row in found["table"]) == 3.0


def rehearsed(run, started):
    run.rehearse()
    return variables(run, started)["w"]


@pytest.mark.parametrize("where", ["training", "validation"])
def test_a_first_batch_that_cannot_be_computed_is_told_with_its_data(alone, tmp_path, where):
    file = tmp_path / "definition.py"
    far = {
        "training": "{'x': X - 50, 'row': R}, {'x': X, 'row': R}",
        "validation": "{'x': X, 'row': R}, {'x': X - 50, 'row': R}",
    }
    file.write_text(
        DEFINITION.replace(
            'return {"x": X, "row": np.arange(6)}, {"x": X, "row": np.arange(6)}',
            f"R = np.arange(6); return {far[where]}",
        ).replace("tf.cast(x, tf.int64) % 9", "tf.cast(x, tf.int64)")
    )
    with pytest.raises(Failed, match=f"FailedDuring: The first batch of the {where} data fits the model"):
        alone(file, ["python", "tests.trial.test_graph_run", "rehearsed"])


def test_a_rehearsal_trains_one_batch(alone, trial):
    assert alone(trial, ["python", "tests.trial.test_graph_run", "rehearsed"]) == [[1.0]]


def variables(run, started):
    """The values of all variables by name."""
    return {entry["path"]: array.tolist() for entry, array in zip(run._header(), run._arrays(), strict=True)}


def test_a_validation_that_moves_a_variable_leaves_no_trace(alone, trial):
    look = ["python", "tests.trial.test_graph_run", "variables"]
    hparams = {"training_metrics": []}
    _, before, validation, after, again, end = alone(
        trial, ["train", 3], look, ["validate"], look, ["validate"], ["words"], hparams=hparams
    )
    assert before == after
    assert validation == again
    # Two batches of 4 and 2 samples, counted from the 3 of training.
    assert validation["calls"] == (4 * (before["calls"] + 1) + 2 * (before["calls"] + 2)) / 6
    assert end == alone(trial, ["train", 3], ["words"], hparams=hparams)[-1]


def test_the_hash_of_the_weights_leaves_the_optimizer_out_but_the_fingerprint_does_not(alone, trial):
    found = [
        alone(trial, ["train", 3], ["weights"], ["words"], hparams={"optimizer": optimizer, "rate": 0.0})[1:]
        for optimizer in ("AdamOptimizer", "AdagradOptimizer", "GradientDescentOptimizer")
    ]
    assert len({weights for weights, _ in found}) == 1
    assert len({words["fingerprint"] for _, words in found}) == 3


@pytest.mark.parametrize("data", ["dicts", "tuples", "sequence", "tf.data"])
def test_every_kind_of_data_is_trained_and_resumed(alone, trial, tmp_path, data):
    hparams = {"data": data}
    whole = alone(trial, ["train", 5], ["validate"], ["save", str(tmp_path)], ["train", 4], ["words"], hparams=hparams)
    assert round(whole[1]["mean"], 2) == 3.5
    resumed = alone(trial, ["load", whole[2]["path"]], ["train", 4], ["words"], hparams=hparams)
    assert resumed[-1] == whole[-1]


def test_a_checkpoint_of_another_graph_is_refused_with_both_sides(alone, trial, tmp_path):
    saved = alone(trial, ["train", 1], ["save", str(tmp_path)])[-1]
    with pytest.raises(Failed, match=r"CheckpointError: variable 5 .*\n.*nothing\n.*optimizer w/Adam|beta1_power"):
        alone(trial, ["load", saved["path"]], hparams={"optimizer": "AdamOptimizer"})
