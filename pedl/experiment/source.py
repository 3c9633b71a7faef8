"""Warm start: the checkpoint that all trials of an experiment start from.

It is found and copied when the experiment is created, and recorded by its hash beside the configuration and the model
definition: one more input that the outcome depends on. The experiment stands alone from then on, whatever becomes of
the trial that it was taken from.
"""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from pedl.config import ExperimentConfig
from pedl.display.words import command_line
from pedl.errors import CheckpointError, ConfigError, StoreError
from pedl.experiment.fold import fold
from pedl.experiment.stored import Found, stored_checkpoints, take
from pedl.experiment.trial_state import Payload
from pedl.files import STATE_FILE
from pedl.store import Home
from pedl.store.checkpoints import copy_checkpoint


def copy_source(config: ExperimentConfig, home: Home, target: Path) -> Payload | None:
    """Copies what the searcher's `source_trial` or `source_checkpoint` names into the new directory `target`.

    Returns:
      Its `sha256`, and where it is `from`; None if the configuration names neither.

    Raises:
      ConfigError: if there is no such checkpoint, or it is damaged.
    """
    searcher = config.searcher
    field = "source_trial" if searcher.source_trial is not None else "source_checkpoint"
    named = searcher.source_trial or searcher.source_checkpoint
    if named is None:
        return None
    try:
        if field == "source_checkpoint" and Path(named).is_dir():
            return _copy_directory(Path(named), target)
        find = _of_trial if field == "source_trial" else _of_uuid
        experiment_id, _, it = take(home, lambda: find(home, named), target)
        return {"sha256": it.sha256, "from": f"{experiment_id}/{it.trial}, step {it.step}"}
    except (StoreError, CheckpointError) as error:
        raise ConfigError(f"searcher.{field}: found {named!r}, expected a checkpoint to start from. {error}") from error


def _of_trial(home: Home, name: str) -> Found:
    experiment_id, trial_id = map(int, name.split("/"))
    state = fold(home.events(experiment_id))
    found = stored_checkpoints(state.trials[trial_id]) if trial_id in state.trials else []
    if not found:
        with_one = [f"{experiment_id}/{trial.id}" for trial in state.trials.values() if trial.checkpoints]
        raise StoreError(f"Trial {name} has no checkpoint; trials with one: {', '.join(with_one) or 'none'}.")
    return experiment_id, state, found[-1]


def _of_uuid(home: Home, uuid: str) -> Found:
    for entry in home.summaries():
        state = fold(home.events(entry["id"]))
        for trial in state.trials.values():
            for it in stored_checkpoints(trial):
                if it.uuid == uuid:
                    return entry["id"], state, it
    raise StoreError(
        f"No checkpoint in {home.path} has that uuid, and no directory that name; "
        f"see what there is with: {command_line(home.named, 'checkpoint list E/T')}"
    )


def _copy_directory(directory: Path, target: Path) -> Payload:
    with tempfile.TemporaryDirectory(prefix="pedl-source-") as name:
        try:
            content = (directory / STATE_FILE).read_bytes()
        except OSError as error:
            raise CheckpointError(f"{directory / STATE_FILE} cannot be read: {error.strerror}") from error
        sha256 = hashlib.sha256(content).hexdigest()
        copy_checkpoint(directory, Path(name) / "copy", sha256)
        copy_checkpoint(Path(name) / "copy", target, sha256)
    return {"sha256": sha256, "from": str(directory.absolute())}
