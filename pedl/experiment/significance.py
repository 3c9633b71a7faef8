"""Whether the best trial beats the second by more than chance: a difference against the spread of replications.

With replications of both trials their means are compared (Welch's t-test: B. L. Welch, 1947); with replications of one
of them, the difference of the two results is compared with its spread, and the other trial is taken to spread as much.
Compared are replications in which the same streams were re-keyed, as many as there are; the report names them, because
the noise of some streams says nothing about the others.

Where there is no difference, at most 5 of 100 cases are taken for one: 2.5 where both were replicated, because which
trial is first was known before; and 5 where one was, because the better of two results comes first, whichever it is.
Both take results for normally distributed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from pedl.experiment.experiment import Experiment
from pedl.experiment.fold import ExperimentState, fold
from pedl.experiment.library import load_experiment
from pedl.experiment.ranking import Standing, searcher_metric
from pedl.experiment.replication import replication_report
from pedl.seeds import STREAMS

T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""What Student's t exceeds in 2.5 of 100 cases, by degrees of freedom from 1."""

SHOWN = 10


Known = dict[int, dict[tuple[str, ...], dict[str, Any]]]
"""By trial and by the streams that were re-keyed, the newest group of replications."""


def rank_report(experiment: Experiment) -> dict[str, Any]:
    """Returns the best trials with what their replications in this home found, and a verdict on the first two.

    `verdict` is "best" (the first beats the second beyond the noise), "noise" (they cannot be told apart), or "unknown"
    (nobody replicated either of them, or one has no finite result to compare). `streams` are those whose noise it is
    about; all others were held.
    """
    # Read once: what is validated later has no place in this order.
    state = fold(experiment.home.events(experiment.id))
    searcher = state.created["config"]["searcher"]
    order = Standing(state).first(SHOWN)
    known = _known(experiment, state)
    streams = _most(known, order[:2])
    trials = [
        {
            "id": trial_id,
            "value": searcher_metric(state, state.trials[trial_id], max(state.trials[trial_id].validations)),
            "replications": known.get(trial_id, {}).get(streams),
        }
        for trial_id in order
    ]
    sign = 1 if searcher["smaller_is_better"] else -1
    return {
        "id": experiment.id,
        "metric": searcher["metric"],
        "streams": list(streams),
        "trials": trials,
        **_verdict(trials[:2], sign),
    }


def _known(experiment: Experiment, state: ExperimentState) -> Known:
    """Returns the groups in which all streams were re-keyed that their replication varies."""
    known: Known = {}
    trials = {f"{experiment.id}/{trial_id}": trial for trial_id, trial in state.trials.items()}
    for made_id, created in experiment.home.beginnings().items():
        searcher = created["config"]["searcher"]
        trial = trials.get(searcher["of"]) if searcher["name"] == "replicate" else None
        if trial is None or created["model_definition_sha256"] != state.created["model_definition_sha256"]:
            continue
        made = load_experiment(made_id, experiment.home).describe()
        report = replication_report(made)
        # A configuration can be written by hand, and then name a trial that it does not repeat.
        repeats = searcher["trial_seed"] == trial.seed and made["trials"][0]["hparams"] == trial.hparams
        if repeats and report is not None and (group := report["groups"][-1])["spread"] is not None:
            streams = tuple(stream for stream in STREAMS if stream in group["streams"])
            known.setdefault(trial.id, {})[streams] = {"experiment": made_id, **group}
    return known


def _most(known: Known, trials: Sequence[int]) -> tuple[str, ...]:
    """Returns the most streams that were re-keyed for one of these trials, and among as many those of more trials."""
    varied = [streams for trial_id in trials for streams in known.get(trial_id, {})]
    return max(varied, key=lambda streams: (len(streams), varied.count(streams)), default=())


def _verdict(trials: list[dict[str, Any]], sign: int) -> dict[str, Any]:
    groups = [trial["replications"] for trial in trials]
    finite = all(math.isfinite(trial["value"]) for trial in trials)
    if len(trials) < 2 or not any(groups) or not (all(groups) or finite):
        return {"verdict": "unknown", "t": None, "threshold": None}
    if all(groups):
        t, freedom = _welch(groups, sign)
    else:
        group = groups[0] or groups[1]
        difference = sign * (trials[1]["value"] - trials[0]["value"])
        t, freedom = _ratio(difference, group["spread"] * math.sqrt(2)), len(group["values"]) - 1
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
