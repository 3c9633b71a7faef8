"""What is handed over from Python and cannot be meant is told at once, with the call that would do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedl.config import parse_config
from pedl.errors import InputError
from pedl.experiment import create_experiment, load_experiment
from pedl.verify import verify_experiment
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import FakeExecutor


class DigitTrial:
    pass


class OtherTrial:
    pass


CONFIG = configuration()


@pytest.mark.parametrize(
    ("found", "call"),
    [("1", "load_experiment(1)"), ("12", "load_experiment(12)"), (1.0, "load_experiment(1)"),
     ("3/1", "load_experiment(1)"), (None, "load_experiment(1)"), (True, "load_experiment(1)"),
     (0, "load_experiment(1)"), (-1, "load_experiment(1)"), (np.arange(3), "load_experiment(1)")],
)  # fmt: skip
def test_an_experiment_has_a_number(found: Any, call: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        load_experiment(found, tmp_path)
    assert str(refused.value) == (
        f"experiment_id: found {found!r}, expected a whole number of at least 1.\nWrite: {call}"
    )


def test_numbers_of_a_table_are_numbers(experiment: Any) -> None:
    one = experiment()
    one.run(workers=np.int64(2))
    again = load_experiment(np.int64(1), one.home, FakeExecutor())
    assert again.verify(np.int64(1), np.array([1, 2])).identical


@pytest.mark.parametrize("workers", [0, -1, "2", 1.5, True])
def test_workers_are_at_least_one(experiment: Any, workers: Any) -> None:
    one = experiment()
    for call in (one.run, one.verify, lambda workers: verify_experiment(one, workers)):
        with pytest.raises(InputError) as refused:
            call(workers=workers)
        write = "workers=2" if workers == "2" else "workers=1"
        assert str(refused.value) == (
            f"workers: found {workers!r}, expected a whole number of at least 1, or None for half the cores.\n"
            f"Write: {write}"
        )
    assert one.describe()["trials"][0]["steps_completed"] == 0


@pytest.mark.parametrize(
    ("trials", "told"),
    [
        (2, "trials: found 2, expected a list of numbers.\nWrite: verify(trials=[2])"),
        ("12", "trials: found '12', expected a list of numbers.\nWrite: verify(trials=[12])"),
        (object, "trials: found <class 'object'>, expected a list of numbers.\nWrite: verify(trials=[1])"),
        (["2"], "trials: found '2', expected a whole number of at least 1.\nWrite: verify(trials=[2])"),
        ([0], "trials: found 0, expected a whole number of at least 1.\nWrite: verify(trials=[1])"),
    ],
)
def test_trials_are_a_list_of_numbers(experiment: Any, trials: Any, told: str) -> None:
    with pytest.raises(InputError) as refused:
        experiment().verify(trials=trials)
    assert str(refused.value) == told


def test_what_is_exchanged_is_told_with_the_call_that_was_meant(tmp_path: Path) -> None:
    yaml, code = tmp_path / "random.yaml", tmp_path / "model.py"
    yaml.write_text("searcher: {}\n")
    code.write_text("")
    for config, model_definition, call in (
        (DigitTrial, CONFIG, "config, DigitTrial"),
        (DigitTrial, parse_config(CONFIG), "config, DigitTrial"),
        (DigitTrial, "random.yaml", "'random.yaml', DigitTrial"),
        (DigitTrial, OtherTrial, "config, DigitTrial"),
        ("examples/mnist", CONFIG, "config, 'examples/mnist'"),
        (tmp_path, yaml, f"'{yaml}', '{tmp_path}'"),
        (str(code), str(yaml), f"'{yaml}', '{code}'"),
    ):
        with pytest.raises(InputError) as refused:
            create_experiment(config, model_definition, tmp_path / "home")  # type: ignore[arg-type]
        assert "expected the configuration first" in str(refused.value)
        assert str(refused.value).endswith(f"\nWrite: create_experiment({call})")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("config", "model_definition", "told"),
    [
        (7, DigitTrial, "config: found 7, expected a configuration: a dict, or the path of a YAML file."),
        (None, DigitTrial, "config: found None, expected a configuration"),
        (CONFIG, 7, "model_definition: found 7, expected a directory, a .py file, or a trial class."),
        (
            CONFIG,
            DigitTrial(),
            "expected a directory, a .py file, or a trial class.\nWrite: create_experiment(config, ",
        ),
    ],
)
def test_what_is_neither_is_told(config: Any, model_definition: Any, told: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as refused:
        create_experiment(config, model_definition, tmp_path / "home")
    assert told in str(refused.value)
