"""A trained graph is exported as a SavedModel that computes as validation does, in a process without pedl."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from pedl.trial.graph_export import export_saved_model
from tests.trial.alone import Failed

LOAD = """
import json, sys
import numpy as np
import tensorflow as tf

model = tf.saved_model.load(sys.argv[1])
serve = model.signatures["serving_default"]
y = {name: tf.constant(np.array(values, dtype)) for name, (dtype, values) in json.load(sys.stdin).items()}
print("found", json.dumps({name: value.numpy().tolist() for name, value in serve(**y).items()}))
assert "pedl" not in sys.modules
"""


def validation_data(started):
    return started.trial.make_data_loaders({}, {})[1]


def whole(run, started):
    """Exports all outputs, and returns the inputs and a batch."""
    data = validation_data(started)
    names = export_saved_model(run.session, run._built, started.task["config"]["directory"])
    return names, data["x"].tolist(), data["y"].tolist()


def classes(run, started):
    """Exports one output that needs no labels."""
    return export_saved_model(run.session, run._built, started.task["config"]["directory"], ["classes"])


def nothing(run, started):
    return export_saved_model(run.session, run._built, "nowhere", ["class"])


@pytest.mark.long
def test_the_saved_model_gives_what_validation_gives(alone, tmp_path):
    config = {"directory": str(tmp_path / "model")}
    # One batch holds the whole validation set but for its last four samples.
    _, (names, x, y), _ = alone("graph", ["train", 5], ["python", __name__, "whole"], ["validate"], config=config)
    assert names == ["x", "y"]
    first, last = ({"x": ["float32", x[rows]], "y": ["int64", y[rows]]} for rows in (slice(16), slice(16, 20)))
    found = [_served(tmp_path / "model", batch) for batch in (first, last)]
    validated = alone("graph", ["train", 5], ["validate"])[-1]
    for name, value in validated.items():
        # Other thread pools may compute here: the same but for rounding.
        mean = (16 * np.array(found[0][name]) + 4 * np.array(found[1][name])) / 20
        np.testing.assert_allclose(mean, value, rtol=1e-5)


def test_an_output_that_needs_no_labels_is_served_without_them(alone, tmp_path):
    config = {"directory": str(tmp_path / "model")}
    assert alone("graph", ["train", 1], ["python", __name__, "classes"], config=config)[-1] == ["x"]
    found = _served(tmp_path / "model", {"x": ["float32", [[0.0] * 20]]})
    assert list(found) == ["classes"]
    assert round(sum(found["classes"]), 5) == 1


def test_an_unknown_output_is_refused_with_those_that_there_are(alone):
    with pytest.raises(Failed, match=r"no output 'class'; build_graph\(\) returns accuracy, classes, loss"):
        alone("graph", ["python", __name__, "nothing"])


def _served(directory, inputs):
    done = subprocess.run(
        [sys.executable, "-c", LOAD, str(directory)], input=json.dumps(inputs), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.split("found ")[1])
