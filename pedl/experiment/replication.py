"""Replication: how much of a result is chance, and which of a trial's streams causes it.

A replication is an experiment of its own, whose configuration says which trial it repeats, and which streams that trial
does not keep apart. What it found is told by `replicated.py`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pedl.config import parse_config
from pedl.config.hparams import Space
from pedl.errors import InputError
from pedl.experiment.experiment import Experiment
from pedl.experiment.fold import fold, the_trial
from pedl.experiment.library import create_experiment
from pedl.experiment.trial_state import TrialState
from pedl.search import at, nested
from pedl.seeds import STREAMS
from pedl.store.definition import GuardedCopy, copy_recorded

RUNNING = ("running_stream", "draws_in_call")
"""What the audit calls layers that the factory did not key."""

ONE_STREAM = ("init", "dropout")
"""What such layers draw from one stream, and graphs, too."""


def replicate(experiment: Experiment, trial_id: int, times: int, vary: Sequence[str] = STREAMS) -> Experiment:
    """Creates the experiment that trains a trial again with `vary` re-keyed; `run` trains it.

    Args:
      times: replications of each group of streams, at least 2.
      vary: of "init" (initial weights), "order" (of the data) and "dropout" (random layers).

    Raises:
      StoreError: if there is no such trial, or its model definition is not what was recorded.
      InputError: if the trial is not over, has failed, is a clone, or has streams that were re-keyed; if its random
        layers draw from one stream with its initial weights, and only one of the two is to vary.
      ConfigError: if `times` or `vary` is out of its range.
    """
    state = fold(experiment.home.events(experiment.id))
    created, name = state.created, f"{experiment.id}/{trial_id}"
    trial = the_trial(experiment.id, state, trial_id)
    if trial.failure is not None or not trial.closed:
        raise InputError(f"Trial {name} has no end to compare with; name one that is COMPLETED.")
    if trial.parent is not None:
        raise InputError(
            f"Trial {name} is a clone, which started from trial {trial.parent['trial_id']}; replicate that."
        )
    config = dict(created["config"])
    old = config["searcher"]
    if trial.streams:
        raise InputError(
            f"Trial {name} is a replication of {old['of']}, with other seeds of {' and '.join(trial.streams)}; "
            "replicate that."
        )
    config["searcher"] = {
        "name": "replicate", "metric": old["metric"], "smaller_is_better": old["smaller_is_better"], "of": name,
        "trial_seed": trial.seed, "targets": trial.targets, "replications": times, "vary": list(vary),
        "together": _together(name, trial, vary), "weights_sha256": trial.weights_sha256,
    }  # fmt: skip
    if created.get("source") is not None:
        config["searcher"]["source_checkpoint"] = str(experiment.home.paths(experiment.id).source_checkpoint.absolute())
    space = Space.model_validate(config["hyperparameters"]).flat()
    config["hyperparameters"] = nested({path: {"type": "const", "val": at(trial.hparams, path)} for path in space})
    config["description"] = f"replication of {name}"
    definition = experiment.home.paths(experiment.id).model_definition
    GuardedCopy(definition, created["model_definition_files"]).check()
    with tempfile.TemporaryDirectory(prefix="pedl-replicate-") as directory:
        source = Path(directory) / "definition"
        copy_recorded(definition, source, created["model_definition_files"])  # without what trials wrote beside it
        return create_experiment(
            parse_config(config),
            source / created["model_definition_file"] if created["model_definition_file"] else source,
            experiment.home,
            created["experiment_seed"],
            experiment.make_executor,
        )


def _together(name: str, trial: TrialState, vary: Sequence[str]) -> list[str]:
    """Returns those of `vary` that the trial does not keep apart.

    Raises:
      InputError: if only one of them is to vary.
    """
    started = trial.started or {"audit": []}
    running = [entry["where"] for entry in started["audit"] if entry["kind"] in RUNNING]
    if started.get("graph"):
        why, remedy = "builds a graph, whose initial values and random operations are one stream", "or order alone"
    elif running:
        why = f"has layers that draw from a running stream ({', '.join(running)})"
        remedy = "or make these layers with self.seeded"
    else:
        return []
    together = [stream for stream in ONE_STREAM if stream in vary]
    if len(together) == 1:
        raise InputError(f"Trial {name} {why}, so that init and dropout cannot be told apart. Vary both, {remedy}.")
    return together
