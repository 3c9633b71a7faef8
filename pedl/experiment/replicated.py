"""What a replication found: the mean and spread of each group of its trials, and which stream causes how much.

In the first trial nothing is re-keyed, so it must end with the weights of the trial that is replicated. In the others
one stream or all of them are re-keyed, and everything else is held: the spread of a group of trials is what its streams
cause, and nothing else.
"""

from __future__ import annotations

import math
import statistics
from typing import Any

from pedl.config.searcher import ReplicateSearcher
from pedl.experiment.fold import ExperimentState
from pedl.experiment.ranking import searcher_metric
from pedl.experiment.trial_state import TrialState
from pedl.search import replications, stream_groups


def replication_report(state: ExperimentState) -> dict[str, Any] | None:
    """Returns what a replication found so far; None for another kind of experiment.

    Of each group of streams: the values, their mean, and their spread (sample standard deviation). Trials that failed,
    are not over or ended with NaN are left out. `shares` are the variances of the streams that are re-keyed on their
    own as parts of their sum; None if one of them has no spread, or none moves the result. `identical` tells whether
    the first trial ended with the weights of the trial that is replicated; None if either is unknown.
    """
    searcher = state.created["config"]["searcher"]
    if searcher["name"] != "replicate":
        return None
    made = ReplicateSearcher.model_validate(searcher)
    values: dict[tuple[str, ...], list[float]] = {}
    for (_, trial), (streams, _) in zip(sorted(state.trials.items()), replications(made), strict=True):
        values.setdefault(streams, []).extend(_values(state, trial))
    original = values.pop(())
    return {
        "identical": _identical(state.trials[1], made.weights_sha256),
        "of": made.of,
        "metric": made.metric,
        "original": original[0] if original else None,
        "groups": [_group(streams, found) for streams, found in values.items()],
        "shares": _shares({streams: values[streams] for streams in stream_groups(made)}),
    }


def _ended(trial: TrialState) -> bool:
    return trial.closed and trial.failure is None


def _values(state: ExperimentState, trial: TrialState) -> list[float]:
    if not _ended(trial):
        return []
    value = searcher_metric(state, trial, max(trial.validations))
    return [value] if math.isfinite(value) else []


def _identical(first: TrialState, expected: str | None) -> bool | None:
    return first.weights_sha256 == expected if _ended(first) and expected is not None else None


def _group(streams: tuple[str, ...], found: list[float]) -> dict[str, Any]:
    return {
        "streams": list(streams),
        "values": found,
        "mean": statistics.fmean(found) if found else None,
        "spread": statistics.stdev(found) if len(found) > 1 else None,
    }


def _shares(values: dict[tuple[str, ...], list[float]]) -> dict[str, float] | None:
    if min(map(len, values.values())) < 2:
        return None  # without one of them, the others' parts of the sum would look larger than they are
    variances = {",".join(streams): statistics.variance(found) for streams, found in values.items()}
    total = sum(variances.values())
    return {streams: variance / total for streams, variance in variances.items()} if total else None
