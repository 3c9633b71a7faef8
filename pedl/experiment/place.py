"""Where a verification or an export works: a directory of its own, with the definition as it was at the creation.

Trials may write beside their code, and the recorded copy holds what the original run wrote there. What is done there
gets the recorded files alone, and leaves the experiment's as they are. Nothing of the place is left afterwards.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from pedl.experiment.trial_state import Payload
from pedl.store import ExperimentPaths, Home
from pedl.store.checkpoints import copy_checkpoint
from pedl.store.definition import GuardedCopy, copy_definition, copy_recorded


@contextmanager
def place_aside(home: Home, experiment_id: int, created: Payload) -> Iterator[tuple[ExperimentPaths, str | None]]:
    """Makes the place for the length of a `with`.

    Returns:
      Its paths, and what of the recorded copy of the definition is not what was recorded; None: nothing.

    Raises:
      CheckpointError: if the copy of the checkpoint that trials start from was damaged.
    """
    kept = home.paths(experiment_id)
    with _directory(home) as aside:
        recorded = created["model_definition_files"]
        change = GuardedCopy(kept.model_definition, recorded).change()
        if change is None:
            copy_recorded(kept.model_definition, aside.model_definition, recorded)
        else:
            copy_definition(kept.model_definition, aside.model_definition)
        if created.get("source") is not None:
            copy_checkpoint(kept.source_checkpoint, aside.source_checkpoint, created["source"]["sha256"])
        aside.logs.mkdir()
        yield aside, change


def _directory(home: Home) -> AbstractContextManager[ExperimentPaths]:
    """Beside the experiment, where relative paths mean the same; elsewhere if the home cannot be written."""
    if os.access(home.path / "experiments", os.W_OK):
        return home.aside()
    return _temporary()


@contextmanager
def _temporary() -> Iterator[ExperimentPaths]:
    directory = tempfile.mkdtemp(prefix="pedl-verify-")
    try:
        paths = ExperimentPaths(Path(directory), 0)
        paths.root.mkdir(parents=True)
        yield paths
    finally:
        shutil.rmtree(directory, ignore_errors=True)
