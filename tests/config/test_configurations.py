"""A good configuration is complete, frozen, and the same after it was stored."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from pedl.config import ExperimentConfig, parse_config, read_config, yaml_text
from pedl.config.hparams import Const, Log, Space
from tests.search.spaces import EVERY_KIND, mappings

SINGLE = {"name": "single", "metric": "loss", "max_steps": 1}

EVERYTHING = """
%YAML 1.2
---
description: "größer"
labels: [mnist, baseline]
data: {path: /data, when: 2020-01-01, answers: [yes, on, 1e-4, 0o17, null, true]}
entrypoints: {trial_class: "pkg.model_def:MNistTrial", data_loaders_function: "data:make"}
hyperparameters:
  layers: 3
  sizes: [16, 32]
  learning_rate: &lr {type: log, base: 10, minval: -4, maxval: -1, count: 4}
  optimizer:
    decay: *lr
    name: {type: categorical, vals: [adam, {kind: sgd}]}
searcher: {name: random, metric: accuracy, smaller_is_better: false, max_steps: 5, max_trials: 20}
batches_per_step: 10
min_validation_period: 2
min_checkpoint_period: 3
checkpoint_policy: all
checkpoint_storage: {url: "s3://bucket/checkpoints", save_experiment_best: 1, save_trial_best: 2, save_trial_latest: 3}
max_restarts: 0
resources: {slots_per_trial: 1, max_concurrent_trials: 2}
environment: {environment_variables: {DATA_DIR: "/data", EMPTY: ""}}
reproducibility:
  experiment_seed: 0
  threads: {intra_op: 2, inter_op: 1}
  op_determinism: false
  onednn: true
  max_instruction_set: AVX2
  fingerprint: batch
"""


def written(folder: Path, text: str) -> ExperimentConfig:
    file = folder / "experiment.yaml"
    file.write_text(text.lstrip(), encoding="utf-8")
    return read_config(file)


def test_what_is_written_is_read_again_with_a_field_a_line_and_texts_as_they_are(tmp_path: Path) -> None:
    config = written(tmp_path, EVERYTHING)
    text = yaml_text(config.to_dict())
    assert written(tmp_path, text) == config
    assert "description: größer\n" in text and "  max_trials: 20\n" in text


def test_every_field_is_read(tmp_path: Path) -> None:
    config = written(tmp_path, EVERYTHING)
    assert config.description == "größer"
    assert config.data["answers"] == ["yes", "on", 1e-4, 15, None, True]
    assert config.data["when"] == "2020-01-01"
    lr = Log(type="log", base=10, minval=-4, maxval=-1, count=4)
    assert config.hyperparameters.flat()["optimizer.decay"] == lr
    assert list(config.hyperparameters.flat()) == [
        "layers", "learning_rate", "optimizer.decay", "optimizer.name", "sizes",
    ]  # fmt: skip
    assert config.searcher.max_steps == 5
    assert config.reproducibility.experiment_seed == 0
    assert config.reproducibility.onednn is True
    assert config.checkpoint_storage.url == "s3://bucket/checkpoints"


def test_a_stored_configuration_is_the_same_configuration(tmp_path: Path) -> None:
    config = written(tmp_path, EVERYTHING)
    stored = json.dumps(config.to_dict(), sort_keys=True, allow_nan=False)
    assert parse_config(json.loads(stored)) == config
    assert parse_config(config.to_dict()).to_dict() == config.to_dict()


@given(mappings)
@settings(max_examples=50, deadline=None)
def test_any_stored_space_is_the_same_space(space: dict[str, Any]) -> None:
    config = parse_config({"searcher": SINGLE, "hyperparameters": {**space, "nested": {**EVERY_KIND}}})
    assert parse_config(json.loads(json.dumps(config.to_dict()))) == config


def test_the_defaults_are_those_of_the_documentation() -> None:
    assert parse_config({"searcher": SINGLE}).to_dict() == {
        "description": "", "labels": [], "data": {}, "entrypoint": None, "entrypoints": None, "hyperparameters": {},
        "searcher": {**SINGLE, "smaller_is_better": True, "source_trial": None, "source_checkpoint": None},
        "batches_per_step": 100, "min_validation_period": None, "min_checkpoint_period": None,
        "checkpoint_policy": "best",
        "checkpoint_storage": {
            "url": None, "save_experiment_best": 0, "save_trial_best": 1, "save_trial_latest": 1,
        },
        "max_restarts": 5, "resources": {"slots_per_trial": 1, "max_concurrent_trials": None},
        "environment": {"environment_variables": {}},
        "reproducibility": {
            "experiment_seed": None, "threads": {"intra_op": 4, "inter_op": 4}, "op_determinism": True,
            "onednn": "auto", "max_instruction_set": "none", "fingerprint": "step",
        },
    }  # fmt: skip


def test_a_seed_of_the_command_line_takes_precedence(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(EVERYTHING.lstrip())
    assert read_config(file, {"experiment_seed": 7}).reproducibility.experiment_seed == 7
    assert read_config(file, {}).reproducibility == read_config(file).reproducibility


def test_a_configuration_with_a_seed_differs_in_the_seed_alone() -> None:
    config = parse_config({"searcher": SINGLE})
    seeded = config.with_seed(7)
    assert config.reproducibility.experiment_seed is None
    assert seeded == parse_config({"searcher": SINGLE, "reproducibility": {"experiment_seed": 7}})


def test_test_mode_is_one_trial_of_one_step_of_one_batch(tmp_path: Path) -> None:
    config = written(tmp_path, EVERYTHING).in_test_mode()
    assert (config.searcher.name, config.searcher.max_steps, config.batches_per_step) == ("single", 1, 1)
    assert (config.searcher.metric, config.searcher.smaller_is_better) == ("accuracy", False)
    assert parse_config(config.to_dict()) == config


def test_a_configuration_cannot_be_changed() -> None:
    config = parse_config({"searcher": SINGLE})
    with pytest.raises(ValidationError, match="frozen"):
        config.max_restarts = 3


def test_values_from_python_become_plain() -> None:
    config = parse_config(OrderedDict(searcher=SINGLE, data={"x": np.float64(0.5), "y": (1, 2)}))
    assert json.dumps(config.data) == '{"x": 0.5, "y": [1, 2]}'
    assert type(config.data["x"]) is float


def test_what_is_no_mapping_is_a_constant() -> None:
    space = Space.model_validate({"a": None, "b": [1], "c": "x", "d": {"type": "const", "val": {"e": 1}}})
    assert space.flat() == {"a": Const(val=None), "b": Const(val=[1]), "c": Const(val="x"), "d": Const(val={"e": 1})}


def test_a_file_that_starts_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"\xef\xbb\xbfsearcher: {name: single, metric: loss, max_steps: 1}\r\n")
    assert read_config(file) == parse_config({"searcher": SINGLE})


@pytest.mark.parametrize("url", ["checkpoints", "/abs/dir", "s3://bucket/x", "memory://x", "gs://b", "file:///tmp/x"])
def test_directories_and_urls_that_fsspec_knows_are_storage(url: str) -> None:
    assert parse_config({"searcher": SINGLE, "checkpoint_storage": {"url": url}}).checkpoint_storage.url == url
