"""Warm start: which checkpoint is meant, that it is copied and recorded, and that it cannot change."""

import shutil

import pytest

from pedl.errors import CheckpointError, ConfigError
from pedl.experiment import create_experiment, load_experiment
from pedl.store import Home
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import FakeExecutor


@pytest.fixture
def home(tmp_path, definition):
    """A home with experiment 1, which is over."""
    create_experiment(configuration(), definition, tmp_path / "home", 7, FakeExecutor()).run()
    return tmp_path / "home"


def warm(home, definition, executor=None, **source):
    config = configuration()
    config["searcher"].update(source)
    return create_experiment(config, definition, home, 8, executor or FakeExecutor())


def newest(home, trial=2):
    return load_experiment(1, home).checkpoints(trial)[-1]


def test_every_trial_is_given_a_copy_of_the_source_which_is_recorded_by_its_hash(home, definition, tmp_path):
    it = newest(home)
    executor = FakeExecutor()
    one = warm(home, definition, executor, source_trial="1/2")
    assert one.describe()["source"] == {"sha256": it.sha256, "from": "1/2, step 4"}
    load_experiment(1, home).delete()
    one.run()
    copy = {"path": str(Home(home).paths(2).source_checkpoint), "sha256": it.sha256}
    check, *trained = executor.started
    assert check["source"]["sha256"] == it.sha256
    assert [task["source"] for task in trained] == [copy] * 3


def test_a_uuid_and_a_downloaded_directory_name_the_same_checkpoint(home, definition, tmp_path):
    it = newest(home)
    load_experiment(1, home).download_checkpoint(2, tmp_path / "there")
    for named in (it.uuid, str(tmp_path / "there")):
        assert warm(home, definition, source_checkpoint=named).describe()["source"]["sha256"] == it.sha256


@pytest.mark.parametrize("content", ["{}", "[]", "no JSON"])
def test_a_directory_of_another_program_is_no_checkpoint(home, definition, tmp_path, content):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "state.json").write_text(content)
    with pytest.raises(ConfigError, match=r"expected a checkpoint to start from.* is no checkpoint's"):
        warm(home, definition, source_checkpoint=str(tmp_path / "other"))


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ({"source_trial": "9/1"}, "There is no experiment 9 in .* It holds experiment 1"),
        ({"source_trial": "1/9"}, "Trial 1/9 has no checkpoint; trials with one: 1/1, 1/2, 1/3"),
        ({"source_checkpoint": "abcd"}, "No checkpoint in .* has that uuid"),
    ],
)
def test_what_is_not_there_is_told_before_anything_is_created(home, definition, source, told):
    with pytest.raises(
        ConfigError, match=f"searcher.{min(source)}: found .*, expected a checkpoint to start from. {told}"
    ):
        warm(home, definition, **source)
    assert [entry["id"] for entry in Home(home).summaries()] == [1]


def test_a_damaged_source_is_refused(home, definition):
    it = newest(home)
    (Home(home).paths(1).checkpoint(2, it.uuid) / "tensors.safetensors").write_bytes(b"x")
    with pytest.raises(ConfigError, match=r"tensors\.safetensors is damaged: its sha256 is"):
        warm(home, definition, source_trial="1/2")


def test_a_copy_that_was_changed_stops_the_experiment_until_it_is_mended(home, definition, tmp_path):
    one = warm(home, definition, source_trial="1/2")
    file = Home(home).paths(2).source_checkpoint / "tensors.safetensors"
    shutil.copy(file, tmp_path / "whole")
    file.write_bytes(b"x")
    with pytest.raises(CheckpointError, match=r"tensors\.safetensors is damaged"):
        one.run()
    shutil.copy(tmp_path / "whole", file)
    one.run()
    assert one.state == "COMPLETED"
