"""A trial alone: trained in any portions, stopped and resumed anywhere, it has the same bits."""

import pytest

from tests.trial.alone import KERAS_WORKLOADS

BATCHES = 23
"""More than two epochs of each workload, ending inside a step and inside an epoch."""


def _end(results):
    return results[-2:]


@pytest.fixture(scope="module")
def uninterrupted(alone):
    """name -> [words, weights] after BATCHES batches in one piece."""
    return {name: _end(alone(name, ["train", BATCHES], ["words"], ["weights"])) for name in KERAS_WORKLOADS}


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
def test_the_same_trial_has_the_same_bits_in_another_process(alone, uninterrupted, name):
    assert _end(alone(name, ["train", BATCHES], ["words"], ["weights"])) == uninterrupted[name]


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
def test_another_seed_has_other_bits(alone, uninterrupted, name):
    words, weights = _end(alone(name, ["train", BATCHES], ["words"], ["weights"], seed=8))
    assert words["fingerprint"] != uninterrupted[name][0]["fingerprint"]
    assert weights != uninterrupted[name][1]


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
def test_no_bit_depends_on_the_portions(alone, uninterrupted, name):
    portions = [["train", batches] for batches in (1, 2, 0, 7, 1, 12)]
    assert _end(alone(name, *portions, ["words"], ["weights"])) == uninterrupted[name]


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
def test_validating_in_between_leaves_no_trace(alone, uninterrupted, name):
    actions = [["train", 3], ["validate"], ["train", 2], ["validate"], ["validate"], ["train", 18]]
    assert _end(alone(name, *actions, ["words"], ["weights"])) == uninterrupted[name]


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
def test_validation_gives_the_same_numbers_each_time(alone, name):
    results = alone(name, ["train", 6], ["validate"], ["validate"])
    assert results[1] == results[2]
    assert "loss" in results[1]


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
@pytest.mark.parametrize("stop", [0, 1, 4, 5, 6, 7, 8, 13, 22])
def test_resumed_is_uninterrupted(alone, uninterrupted, tmp_path, name, stop):
    saved = alone(name, ["train", stop], ["save", str(tmp_path)])[-1]
    rest = ["train", BATCHES - stop]
    assert _end(alone(name, ["load", saved["path"]], rest, ["words"], ["weights"])) == uninterrupted[name]


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
def test_a_step_that_was_interrupted_reports_what_an_uninterrupted_one_reports(alone, tmp_path, name):
    whole = alone(name, ["train", 10])[0]
    saved = alone(name, ["train", 8], ["save", str(tmp_path)])[-1]
    resumed = alone(name, ["load", saved["path"]], ["train", 2])[-1]
    assert resumed == whole[1:]


@pytest.mark.parametrize("name", KERAS_WORKLOADS)
def test_equal_states_have_equal_checkpoints(alone, tmp_path, name):
    first = alone(name, ["train", 7], ["save", str(tmp_path)])[-1]
    again = alone(name, ["load", first["path"]], ["save", str(tmp_path)])[-1]
    assert again["path"] != first["path"]
    assert again["sha256"] == first["sha256"]
