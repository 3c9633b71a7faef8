"""Replications, with real training: one stream moves, and the others are held to the bit."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pedl.store import Home
from tests.promises.commands import WORKLOADS, pedl, write_config

DEFINITION = """
import hashlib

import keras
import numpy as np

from pedl.trial import KerasTrial


class Tell(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        content = b"".join(np.asarray(weight.value).tobytes() for weight in self.model.trainable_weights)
        print("initial weights", hashlib.sha256(content).hexdigest(), flush=True)


class Trial(KerasTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        return keras.Sequential(
            [
                keras.Input((8,)),
                layers.Dense(16, activation="relu", name="hidden"),
                layers.Dropout(0.4, name="drop"),
                layers.Dense(1, name="out"),
            ]
        )

    def optimizer(self):
        return keras.optimizers.Adam(0.01)

    def loss(self):
        return "mse"

    def batch_size(self):
        return 16

    def validation_metrics(self):
        return {}

    def keras_callbacks(self):
        return [Tell()]

    def make_data_loaders(self, experiment_config, hparams):
        x = np.random.normal(size=(96, 8))
        y = x.sum(axis=1, keepdims=True)
        return (x[:64], y[:64]), (x[64:], y[64:])
"""


def parts(home: Path, experiment: int) -> dict[int, dict[str, Any]]:
    """Returns, by trial: the hash of its initial weights, the words of its data, and of its states."""
    found: dict[int, dict[str, Any]] = {}
    for event in Home(home).events(experiment):
        if event.kind == "step" and event.trial_id is not None:
            log = Home(home).paths(experiment).log(event.trial_id).read_text()
            (initial,) = re.findall("initial weights ([0-9a-f]+)", log)
            step = event.payload
            found[event.trial_id] = {"init": initial, "order": step["data"], "states": step["states"]}
    return found


@pytest.mark.long
def test_each_stream_moves_alone_and_the_first_trial_is_the_one_that_is_replicated(tmp_path: Path) -> None:
    (tmp_path / "model_def.py").write_text(DEFINITION)
    searcher = {"name": "single", "metric": "loss", "max_steps": 1}
    config = write_config(tmp_path / "config.yaml", searcher=searcher, batches_per_step=4)
    home = tmp_path / "home"
    assert pedl(home, "experiment", "create", str(config), str(tmp_path / "model_def.py"), "--seed", "7").code == 0
    done = pedl(home, "experiment", "replicate", "1/1", "--replications", "2", "--workers", "2", "--json")
    assert done.code == 0, done.err
    report = json.loads(done.out)
    assert report["identical"] and [group["streams"] for group in report["groups"]] == [
        ["init"], ["order"], ["dropout"], ["init", "order", "dropout"]
    ]  # fmt: skip
    assert sum(report["shares"].values()) > 0.99
    (original,) = parts(home, 1).values()
    trials = parts(home, 2)
    assert trials[1] == original
    groups = [("init", (2, 3)), ("order", (4, 5)), ("dropout", (6, 7))]
    for stream, numbers in groups:
        for number in numbers:
            trial = trials[number]
            assert trial["states"] != original["states"]
            assert {name for name in ("init", "order") if trial[name] != original[name]} == {stream} & {"init", "order"}
    # Replication k has the same streams alone and with the others.
    assert (trials[8]["init"], trials[8]["order"]) == (trials[2]["init"], trials[4]["order"])
    assert len({trial["states"] for trial in trials.values()}) == len(trials) == 9


@pytest.mark.long
def test_a_graph_whose_initial_values_and_masks_are_one_stream_has_one_group_for_both(tmp_path: Path) -> None:
    searcher = {"name": "single", "metric": "loss", "max_steps": 1}
    config = write_config(tmp_path / "config.yaml", searcher=searcher, batches_per_step=2)
    home = tmp_path / "home"
    assert pedl(home, "experiment", "create", str(config), str(WORKLOADS / "graph.py"), "--seed", "7").code == 0
    refused = pedl(home, "experiment", "replicate", "1/1", "--vary", "init")
    assert refused.code == 2 and "Vary both, or order alone" in refused.err
    done = pedl(home, "experiment", "replicate", "1/1", "--replications", "2", "--workers", "2", "--json")
    assert done.code == 0, done.err
    report = done.json()
    assert report["identical"] and set(report["shares"]) == {"init,dropout", "order"}
    assert [(group["streams"], len(group["values"])) for group in report["groups"]] == [
        (["init", "dropout"], 2), (["order"], 2), (["init", "order", "dropout"], 2)
    ]  # fmt: skip
    described = pedl(home, "experiment", "describe", "2", "--json").json()
    assert described["replication"] == {name: it for name, it in report.items() if name != "experiment"}
    assert len({trial["weights_sha256"] for trial in described["trials"]}) == 7
