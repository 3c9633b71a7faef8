"""Creating, loading and listing experiments, for Python and for the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pedl import jsontext
from pedl.config import ExperimentConfig, doubts_about, parse_config, read_config, told_with_line
from pedl.display.words import default_home
from pedl.executor import LocalExecutor
from pedl.experiment.arguments import check_inputs, whole_number
from pedl.experiment.create import create, settle
from pedl.experiment.experiment import Experiment
from pedl.experiment.given_class import files_of, with_entrypoint
from pedl.experiment.recorded import shown_state
from pedl.experiment.workers import ExecutorFactory
from pedl.store import Home
from pedl.store.lock import is_held


def create_experiment(
    config: ExperimentConfig | dict[str, Any] | str | Path,
    model_definition: str | Path | type,
    home: Home | str | Path | None = None,
    seed: int | None = None,
    make_executor: ExecutorFactory = LocalExecutor,
    keep_warm: bool = False,
) -> Experiment:
    """Checks everything, then creates an experiment; `run` trains it.

    Args:
      config: a configuration, a dict, or the path of a YAML file.
      model_definition: a directory, one .py file, or a trial class: of a module, or of a script or a notebook's cells.
        Such a class is written down with the names that it uses; see docs/python.md.
      home: where it is kept; None: in PEDL_HOME, else in .pedl of the current directory, as on the command line.
      seed: the experiment seed, 0 .. 2**31 - 1; takes precedence over the configuration's.
      make_executor: what runs the check and the trials.
      keep_warm: keep the process that did the check until `run`, which then starts some seconds sooner; meanwhile it
        takes memory. For callers that run the experiment at once.

    Raises:
      InputError: if something is wrong; nothing was created then. A ConfigError, if it is the configuration, and a
        TrialDefinitionError, if it is the model definition.
      StoreError: if the home was written by a newer pedl, or cannot be written.
      KeyboardInterrupt: by Ctrl-C; with a text if the experiment was created by then, else without.
    """
    check_inputs(config, model_definition)
    overrides = None if seed is None else {"experiment_seed": seed}
    if isinstance(config, str | Path):
        read = read_config(Path(config), overrides)
        with told_with_line(config):
            return create_experiment(read, model_definition, home, seed, make_executor, keep_warm)
    if isinstance(config, dict):
        config = parse_config(config)
    where, notes = _home(home), doubts_about(config)
    if isinstance(model_definition, type):
        with files_of(model_definition) as given:
            settled = settle(with_entrypoint(config, given), seed)
            experiment_id, warm = create(settled, given.directory, where, make_executor, given.known_as, notes)
    else:
        experiment_id, warm = create(settle(config, seed), Path(model_definition), where, make_executor, notes=notes)
    if keep_warm:
        return Experiment(experiment_id, where, warm.or_new(make_executor))
    try:
        warm.executor.close()
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"Interrupted when experiment {experiment_id} was created; nothing trains.") from None
    return Experiment(experiment_id, where, make_executor)


def load_experiment(
    experiment_id: int, home: Home | str | Path | None = None, make_executor: ExecutorFactory = LocalExecutor
) -> Experiment:
    """Returns an experiment that exists.

    Args:
      home: where it is kept; None: in PEDL_HOME, else in .pedl of the current directory, as on the command line.

    Raises:
      StoreError: if there is none of that number; the message lists those that exist.
      InputError: if `experiment_id` is no whole number of at least 1.
    """
    number, where = whole_number("experiment_id", experiment_id, "load_experiment({})"), _home(home)
    where.require(number)
    return Experiment(number, where, make_executor)


def list_experiments(home: Home | str | Path | None = None) -> list[dict[str, Any]]:
    """Returns a short description of every experiment, by number; [] for a home that does not exist.

    Without a `home`, those of PEDL_HOME, else of .pedl in the current directory, as on the command line.

    Its `best_metrics` are those of the best trial's last validation, NaN and infinities as floats; None before any.
    """
    where = _home(home)
    found = where.summaries()
    active = {it["id"] for it in found if it["state"] == "ACTIVE"}
    running = {it for it in active if is_held(where.paths(it).lock)}
    if running != active:
        found = where.summaries()  # a process that ended since it was listed has recorded the end by now
    for entry in found:
        entry["best_metrics"] = jsontext.with_floats(entry["best_metrics"])
        entry["state"] = shown_state(entry["state"], entry["id"] in running)
    return found


def _home(home: Home | str | Path | None) -> Home:
    return home if isinstance(home, Home) else Home(Path(default_home() if home is None else home))
