"""Replication: how much of a result is chance, and which of a trial's streams causes it.

A replication is an experiment of its own, whose configuration says which trial it repeats. Its first trial is that
trial again, bit for bit; in the others one stream or all of them are re-keyed, and everything else is held. So the
spread of a group of trials is what its streams cause, and nothing else.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Any

from pedl.config import parse_config
from pedl.config.hparams import Space
from pedl.config.searcher import ReplicateSearcher
from pedl.errors import InputError
from pedl.experiment.experiment import Experiment
from pedl.experiment.fold import fold, the_trial
from pedl.experiment.library import create_experiment
from pedl.experiment.ranking import metric_value
from pedl.search import at, nested, replications
from pedl.seeds import STREAMS

RUNNING = ("running_stream", "draws_in_call")
"""What the audit calls layers that the factory did not key."""


def replicate(experiment: Experiment, trial_id: int, times: int, vary: Sequence[str] = STREAMS) -> Experiment:
    """Creates the experiment that trains a trial again with `vary` re-keyed; `run` trains it.

    Args:
      times: replications of each group of streams, at least 2.
      vary: of "init" (initial weights), "order" (of the data) and "dropout" (random layers).

    Raises:
      StoreError: if there is no such trial.
      InputError: if the trial is not over, has failed, or is a clone; if its random layers draw from one stream with
        its initial weights, and only one of the two is to vary.
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
    audit = [] if trial.started is None else trial.started["audit"]
    together = [entry["where"] for entry in audit if entry["kind"] in RUNNING]
    if together and ("init" in vary) != ("dropout" in vary):
        raise InputError(
            f"Trial {name} has layers that draw from a running stream ({', '.join(together)}), so that init "
            "and dropout cannot be told apart. Vary both, or make these layers with self.seeded."
        )
    config = dict(created["config"])
    old = config["searcher"]
    config["searcher"] = {
        "name": "replicate", "metric": old["metric"], "smaller_is_better": old["smaller_is_better"], "of": name,
        "trial_seed": trial.seed, "targets": trial.targets, "replications": times, "vary": list(vary),
    }  # fmt: skip
    if created.get("source") is not None:
        config["searcher"]["source_checkpoint"] = str(experiment.home.paths(experiment.id).source_checkpoint.absolute())
    space = Space.model_validate(config["hyperparameters"]).flat()
    config["hyperparameters"] = nested({path: {"type": "const", "val": at(trial.hparams, path)} for path in space})
    config["description"] = f"replication of {name}"
    definition = experiment.home.paths(experiment.id).model_definition
    source = definition / created["model_definition_file"] if created["model_definition_file"] else definition
    return create_experiment(
        parse_config(config), source, experiment.home, created["experiment_seed"], experiment.make_executor
    )


def replication_report(described: dict[str, Any]) -> dict[str, Any] | None:
    """Returns what a replication found, from its `describe`; None for another kind of experiment.

    Of each group of streams: the values, their mean, and their spread (sample standard deviation). `shares` are the
    variances of the single streams as parts of their sum. Trials that failed or ended with NaN are left out.
    """
    searcher = described["config"]["searcher"]
    if searcher["name"] != "replicate":
        return None
    made = ReplicateSearcher.model_validate(searcher)
    values: dict[tuple[str, ...], list[float]] = {}
    for trial, (streams, _) in zip(described["trials"], replications(made), strict=True):
        values.setdefault(streams, []).extend(_value(trial, searcher["metric"]))
    original = values.pop(())
    variances = {group[0]: statistics.variance(found) for group, found in values.items() if _single(group, found)}
    total = sum(variances.values())
    return {
        "of": searcher["of"],
        "metric": searcher["metric"],
        "original": original[0] if original else None,
        "groups": [_group(streams, found) for streams, found in values.items()],
        "shares": {stream: variance / total for stream, variance in variances.items()} if total else None,
    }


def _single(group: tuple[str, ...], found: list[float]) -> bool:
    return len(group) == 1 and len(found) > 1


def _group(streams: tuple[str, ...], found: list[float]) -> dict[str, Any]:
    return {
        "streams": list(streams),
        "values": found,
        "mean": statistics.fmean(found) if found else None,
        "spread": statistics.stdev(found) if len(found) > 1 else None,
    }


def _value(trial: dict[str, Any], metric: str) -> list[float]:
    if trial["state"] != "COMPLETED" or not trial["validation"]:
        return []
    value = metric_value(trial["validation"][-1]["metrics"], metric)
    return [value] if math.isfinite(value) else []
