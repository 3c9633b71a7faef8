"""Whether the best trial beats the second by more than chance: a difference against the spread of replications.

With replications of both trials their means are compared (Welch's t-test: B. L. Welch, 1947); with replications of one
of them, the difference of the two results is compared with its spread. Either is wrong in 5 of 100 cases where there is
no difference; it takes results for normally distributed.
"""

from __future__ import annotations

import math
from typing import Any

from pedl.experiment.experiment import Experiment
from pedl.experiment.fold import fold
from pedl.experiment.library import load_experiment
from pedl.experiment.ranking import Standing
from pedl.experiment.replication import replication_report

T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""What Student's t exceeds in 2.5 of 100 cases, by degrees of freedom from 1."""

SHOWN = 10


def rank_report(experiment: Experiment) -> dict[str, Any]:
    """Returns the best trials with what their replications in this home found, and a verdict on the first two.

    `verdict` is "best" (the first beats the second beyond the noise), "noise" (they cannot be told apart), or "unknown"
    (nobody replicated either of them).
    """
    described = experiment.describe()
    searcher = described["config"]["searcher"]
    order = Standing(fold(experiment.home.events(experiment.id))).first(SHOWN)
    known = _replications(experiment)
    trials = []
    for trial_id in order:
        metrics = described["trials"][trial_id - 1]["validation"][-1]["metrics"]
        found = known.get(f"{experiment.id}/{trial_id}")
        trials.append({"id": trial_id, "value": metrics[searcher["metric"]], "replications": found})
    sign = 1 if searcher["smaller_is_better"] else -1
    return {"id": experiment.id, "metric": searcher["metric"], "trials": trials, **_verdict(trials[:2], sign)}


def _replications(experiment: Experiment) -> dict[str, dict[str, Any]]:
    """Returns, by the trial that is replicated, the newest group in which all varied streams were re-keyed."""
    found: dict[str, dict[str, Any]] = {}
    for entry in experiment.home.summaries():
        if not entry["description"].startswith(f"replication of {experiment.id}/"):
            continue
        described = load_experiment(entry["id"], experiment.home).describe()
        report = replication_report(described)
        if report is not None and (group := report["groups"][-1])["spread"] is not None:
            found[report["of"]] = {"experiment": entry["id"], **group}
    return found


def _verdict(trials: list[dict[str, Any]], sign: int) -> dict[str, Any]:
    if len(trials) < 2:
        return {"verdict": "unknown", "t": None, "threshold": None}
    groups = [trial["replications"] for trial in trials]
    if all(group is not None for group in groups):
        t, freedom = _welch(groups, sign)
    elif (group := groups[0] or groups[1]) is not None:
        difference = sign * (float(trials[1]["value"]) - float(trials[0]["value"]))
        t, freedom = _ratio(difference, group["spread"] * math.sqrt(2)), len(group["values"]) - 1
    else:
        return {"verdict": "unknown", "t": None, "threshold": None}
    threshold = T_975[min(freedom, len(T_975)) - 1]
    return {"verdict": "best" if t > threshold else "noise", "t": t, "threshold": threshold}


def _welch(groups: list[dict[str, Any]], sign: int) -> tuple[float, int]:
    parts = [group["spread"] ** 2 / len(group["values"]) for group in groups]
    t = _ratio(sign * (groups[1]["mean"] - groups[0]["mean"]), math.sqrt(sum(parts)))
    spread = sum(part**2 / (len(group["values"]) - 1) for part, group in zip(parts, groups, strict=True))
    return t, max(1, int(sum(parts) ** 2 / spread)) if spread else 1


def _ratio(difference: float, error: float) -> float:
    if error:
        return difference / error
    return math.copysign(math.inf, difference) if difference else 0.0
