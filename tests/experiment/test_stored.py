"""Checkpoints are read and handed out while a master deletes what is superseded: that is no damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pedl.errors import CheckpointError, StoreError
from pedl.experiment import Experiment, handing_out, stored
from pedl.experiment.describe import summary
from pedl.experiment.fold import fold
from pedl.experiment.ranking import Standing
from pedl.store.checkpoints import verify_checkpoint


@pytest.fixture
def one(experiment) -> Experiment:
    """Trials keep the checkpoints of steps 3 and 4; that of trial 2, step 4 is damaged."""
    made = experiment(checkpoint_storage={"save_trial_latest": 2, "save_trial_best": 0, "save_experiment_best": 0})
    made.run()
    damaged = made.checkpoints(2)[-1]
    (made.home.paths(1).checkpoint(2, damaged.uuid) / "state.json").unlink()
    return made


@pytest.fixture
def superseding(one, monkeypatch) -> Callable[[int, int], None]:
    """`superseding(trial, step)` has a master delete that checkpoint just before it is read."""

    def supersede(trial_id: int, step: int) -> None:
        (it,) = [it for it in one.checkpoints(trial_id) if it.step == step]
        read = stored._whole

        def deleted(*args):
            with one.home.open_log(1) as log:
                state = fold(log.events())
                if it in stored.stored_checkpoints(state.trials[trial_id]):
                    log.append([("checkpoint_deleted", trial_id, {"uuid": it.uuid})], summary(state, Standing(state)))
            shutil.rmtree(one.home.paths(1).checkpoint(trial_id, it.uuid), ignore_errors=True)
            return read(*args)

        monkeypatch.setattr(stored, "_whole", deleted)

    return supersede


def test_what_is_superseded_while_it_is_read_is_not_damaged(one, superseding):
    superseding(1, 3)
    found = {(it.trial, it.step): trouble for it, trouble in one.checked_checkpoints()}
    assert sorted(found) == [(1, 4), (2, 3), (2, 4), (3, 3), (3, 4)]
    assert [place for place, trouble in found.items() if trouble is not None] == [(2, 4)]


def test_the_newest_is_looked_for_again_if_it_is_superseded(one, superseding, tmp_path):
    superseding(1, 4)
    taken = one.download_checkpoint(1, tmp_path / "newest")
    assert taken.step == 3
    verify_checkpoint(tmp_path / "newest", taken.sha256)


def test_a_step_that_is_superseded_is_told_with_those_that_are_left(one, superseding, tmp_path):
    superseding(1, 3)
    with pytest.raises(StoreError, match="no checkpoint of step 3; steps with one: 4"):
        one.download_checkpoint(1, tmp_path / "third", step=3)


def test_damage_is_told_all_the_same(one, tmp_path):
    with pytest.raises(CheckpointError, match=r"state\.json cannot be read"):
        one.download_checkpoint(2, tmp_path / "newest")


def test_a_model_is_exported_from_files_that_no_master_deletes(one, monkeypatch, tmp_path):
    def exported(experiment_id, state, it, files: Path, *rest):
        verify_checkpoint(files, it.sha256)
        return {"step": it.step, "inside": one.home.path in files.parents}

    monkeypatch.setattr(handing_out, "export_model", exported)
    assert one.trial(1).export(tmp_path / "model") == {"step": 4, "inside": False}
