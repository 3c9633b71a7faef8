"""Creating an experiment: everything is settled and checked first, then all of it comes into being at once.

Settled: the experiment seed, whether oneDNN is used, and the copy of the model definition. Checked: the configuration
(by its reader), the model definition (by a real worker, on that copy) and the metric. Whatever is wrong leaves no
home, no row and no directory behind.
"""

from __future__ import annotations

import shutil
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path

from pedl.config import ExperimentConfig, parse_config
from pedl.errors import ConfigError, StoreError, TrialDefinitionError
from pedl.executor import LocalExecutor
from pedl.experiment.beside import told_what_was_left
from pedl.experiment.check import check_metric, run_check
from pedl.experiment.decisions import Decisions
from pedl.experiment.describe import summary
from pedl.experiment.fold import ExperimentState
from pedl.experiment.profile import resolve_onednn
from pedl.experiment.ranking import Standing
from pedl.experiment.running import experiment_storage, worker_environment
from pedl.experiment.source import copy_source
from pedl.experiment.tasks import CHECK_TRIAL_ID, check_task
from pedl.experiment.trial_state import Payload
from pedl.experiment.warm import LogPlace, WarmExecutor
from pedl.experiment.workers import ExecutorFactory
from pedl.seeds import SCHEME, fresh_experiment_seed
from pedl.store import Draft, ExperimentPaths, Home
from pedl.store.checkpoints import copy_checkpoint
from pedl.store.definition import Files, GuardedCopy, copy_definition, copy_recorded, definition_sha256
from pedl.version import VERSION


def settle(config: ExperimentConfig, seed: int | None) -> ExperimentConfig:
    """Returns a configuration that leaves nothing to the machine it runs on: with a seed, and with oneDNN on or off.

    Args:
      seed: takes precedence over the configuration's; where neither is given, the operating system's entropy.

    Raises:
      ConfigError: if `seed` is out of its range.
    """
    plain = config.to_dict()
    storage = plain["checkpoint_storage"]
    if storage["url"] is not None and "://" not in storage["url"]:
        storage["url"] = str(Path(storage["url"]).expanduser().absolute())
    chosen = plain["reproducibility"]
    if seed is not None:
        chosen["experiment_seed"] = seed
    elif chosen["experiment_seed"] is None:
        chosen["experiment_seed"] = fresh_experiment_seed()
    chosen["onednn"] = resolve_onednn(chosen["onednn"])
    return parse_config(plain)


def create(
    config: ExperimentConfig,
    model_definition: Path,
    home: Home,
    make_executor: ExecutorFactory = LocalExecutor,
    known_as: str | None = None,
    notes: Sequence[str] = (),
) -> tuple[int, WarmExecutor]:
    """Creates an experiment from a settled configuration; nothing is trained yet.

    Args:
      known_as: what messages call the model definition; None: by its path.
      notes: what was noticed about the configuration; the experiment's first messages.

    Returns:
      The experiment's id, and the executor that carried out the check: the caller uses it or closes it.

    Raises:
      ConfigError: if the searcher's metric or the checkpoint to start from does not exist, or checkpoints cannot be
        kept where they are to be.
      TrialDefinitionError: if the model definition is wrong.
      StoreError: if the home cannot be written.
    """
    source = known_as or str(model_definition)
    home.is_there()  # a home that is refused is refused at once
    with tempfile.TemporaryDirectory(prefix="pedl-check-") as name:
        aside = ExperimentPaths(Path(name), 0)
        files = copy_definition(model_definition, aside.model_definition)
        created: Payload = {
            "config": config.to_dict(),
            "experiment_seed": config.reproducibility.experiment_seed,
            "model_definition_file": model_definition.name if model_definition.is_file() else None,
            "model_definition_files": files,
            "model_definition_sha256": definition_sha256(files),
            "pedl": VERSION,
            "seed_scheme": SCHEME,
            "storage_name": f"pedl-{uuid.uuid4()}",
        }
        _probe_storage(created)
        created["source"] = copy_source(config, home, aside.source_checkpoint)
        decisions = Decisions(config, created["experiment_seed"]).start()
        logs, environment = LogPlace(aside), worker_environment(created["config"])
        aside.logs.mkdir()
        executor = make_executor(environment, logs)
        try:
            task = _check_task(created, decisions, aside)
            with told_what_was_left(model_definition):
                found = run_check(executor, task, aside.log(CHECK_TRIAL_ID), source)
            _check_untouched(aside, files, source)
            check_metric(config.searcher.metric, found["validation_metrics"])
            created["numeric_profile"] = found["numeric_profile"]
            created["warnings"] = [*notes, *found["warnings"]]
            drafts: list[Draft] = [("created", None, created), *decisions]
            state = _state(drafts)
            shown = summary(state, Standing(state))
            experiment_id = home.create(lambda paths: _place(aside, paths, created), drafts, shown)
        except BaseException:
            executor.close()
            raise
        logs.move_to(home.paths(experiment_id))
        return experiment_id, WarmExecutor(environment, executor)


def _probe_storage(created: Payload) -> None:
    try:
        storage = experiment_storage(created)
        if storage is not None:
            storage.probe()
    except StoreError as error:
        raise ConfigError(
            f"{error}\nName a directory or a place that can be written from here, or leave the field out."
        ) from error


def _check_task(created: Payload, decisions: list[Draft], aside: ExperimentPaths) -> Payload:
    first = next(payload for kind, trial_id, payload in decisions if kind == "trial_created" and trial_id == 1)
    return check_task(created, first["hparams"], first["trial_seed"], aside)


def _check_untouched(aside: ExperimentPaths, files: Files, source: str) -> None:
    # Training would do the same to the copy that is kept, and another trial would then meet other code.
    change = GuardedCopy(aside.model_definition, files).change()
    if change is not None:
        raise TrialDefinitionError(
            f"{source} changes its own files when it is checked: {change}.\n"
            "A model definition may write beside itself only what Python cannot import. "
            "Generate the code before the experiment is created."
        )


def _place(aside: ExperimentPaths, paths: ExperimentPaths, created: Payload) -> None:
    # What was checked is what is kept: not the source, which may have been edited, nor what the check left behind.
    copy_recorded(aside.model_definition, paths.model_definition, created["model_definition_files"])
    source = created["source"]
    if source is not None:
        copy_checkpoint(aside.source_checkpoint, paths.source_checkpoint, source["sha256"])
    paths.logs.mkdir()
    if aside.log(CHECK_TRIAL_ID).exists():
        shutil.copy(aside.log(CHECK_TRIAL_ID), paths.log(CHECK_TRIAL_ID))


def _state(drafts: list[Draft]) -> ExperimentState:
    state = ExperimentState()
    for draft in drafts:
        state.apply(*draft)
    return state
