"""Whether the best trial beats the second by more than chance: a difference against the spread of replications.

With replications of both trials their means are compared (Welch's t-test: B. L. Welch, 1947). With replications of the
first alone, their mean is compared with the second's result: the first's own result came first, and so was lucky as a
rule. With replications of the second alone, the two results are compared. In both cases the other trial is taken to
spread as much as the one that was replicated. Compared are replications in which the same streams were re-keyed, as
many as there are; the report names them, because the noise of some streams says nothing about the others. A replication
whose first trial did not end with the weights of the trial that it repeats measured something else, and is left out.

Where there is no difference, at most 5 of 100 cases are taken for one: 2.5 where both were replicated, because which
trial is first was known before; and 5 where one was, because which result is the first and which the second was not.
Both take results for normally distributed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pedl.experiment.experiment import Experiment
from pedl.experiment.fold import ExperimentState, fold
from pedl.experiment.library import load_experiment
from pedl.experiment.ranking import Standing, searcher_metric
from pedl.experiment.trial_state import TrialState
from pedl.seeds import STREAMS

T_975 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""What Student's t exceeds in 2.5 of 100 cases, by degrees of freedom from 1."""

SHOWN = 10

Group = dict[str, Any]
"""Of a replication's report, the trials in which all streams were re-keyed that it varies; with its number."""


@dataclass
class Known:
    """What the replications of an experiment's trials in its home found.

    Attributes:
      groups: by trial and by the streams that were re-keyed, the group with most values; of equals, the newest.
      left_out: sentences about those that tell nothing, and why.
    """

    groups: dict[int, dict[tuple[str, ...], Group]] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)

    def add(self, trial_id: int, group: Group) -> None:
        """Takes in a group that is newer than those before."""
        streams = tuple(stream for stream in STREAMS if stream in group["streams"])
        of_the_trial = self.groups.setdefault(trial_id, {})
        best = of_the_trial.get(streams)
        if best is None or len(group["values"]) >= len(best["values"]):
            of_the_trial[streams] = group

    def most(self, trials: Sequence[int]) -> tuple[str, ...]:
        """Returns the most streams that were re-keyed for one of `trials`, and of as many those of more trials."""
        varied = [streams for trial_id in trials for streams in self.groups.get(trial_id, {})]
        return max(varied, key=lambda streams: (len(streams), varied.count(streams)), default=())

    def shown(self, trial_id: int, streams: tuple[str, ...]) -> Group | None:
        """Returns a trial's group of these streams, else the one of its own with most; None if it has none."""
        of_the_trial = self.groups.get(trial_id, {})
        return of_the_trial.get(streams) or of_the_trial.get(self.most([trial_id]))


def rank_report(experiment: Experiment) -> dict[str, Any]:
    """Returns the best trials with what their replications in this home found, and a verdict on the first two.

    `verdict` is "best" (the first beats the second beyond the noise), "noise" (they cannot be told apart), or "unknown"
    (nobody replicated either of them, or one has no finite result to compare). `streams` are those whose noise it is
    about; all others were held. Of a trial that has no replication of these streams, one of others is shown, and not
    compared.
    """
    # Read once: what is validated later has no place in this order.
    state = fold(experiment.home.events(experiment.id))
    searcher = state.created["config"]["searcher"]
    order = Standing(state).first(SHOWN)
    known = _known(experiment, state)
    streams = known.most(order[:2])
    values = [searcher_metric(state, it, max(it.validations)) for it in (state.trials[number] for number in order)]
    groups = [known.groups.get(trial_id, {}).get(streams) for trial_id in order[:2]]
    sign = 1 if searcher["smaller_is_better"] else -1
    return {
        "id": experiment.id,
        "metric": searcher["metric"],
        "streams": list(streams),
        "trials": [
            {"id": trial_id, "value": value, "replications": known.shown(trial_id, streams)}
            for trial_id, value in zip(order, values, strict=True)
        ],
        "left_out": known.left_out,
        **_verdict(values[:2], groups, sign),
    }


def _known(experiment: Experiment, state: ExperimentState) -> Known:
    known = Known()
    for trial, made_id, made in _replications(experiment, state):
        group = made["replication"]["groups"][-1]
        if group["spread"] is None:
            continue
        repeated = made["trials"][0]["weights_sha256"]
        if repeated is not None and repeated == trial.weights_sha256:
            known.add(trial.id, {"experiment": made_id, **group})
        else:
            why = "has no end" if made["trials"][0]["state"] != "COMPLETED" else "ended with other weights"
            known.left_out.append(
                f"Experiment {made_id} is left out: its trial 1, which repeats {experiment.id}/{trial.id}, {why}."
            )
    return known


def _replications(experiment: Experiment, state: ExperimentState) -> Iterator[tuple[TrialState, int, dict[str, Any]]]:
    """Yields the replications of trials of an experiment, oldest first: the trial, the number, its `describe`."""
    trials = {f"{experiment.id}/{trial_id}": trial for trial_id, trial in state.trials.items()}
    for made_id, created in experiment.home.beginnings().items():
        searcher = created["config"]["searcher"]
        trial = trials.get(searcher["of"]) if searcher["name"] == "replicate" else None
        if trial is None or created["model_definition_sha256"] != state.created["model_definition_sha256"]:
            continue
        made = load_experiment(made_id, experiment.home).describe()
        # A configuration can be written by hand, and then name a trial that it does not repeat.
        same = searcher["trial_seed"] == trial.seed and made["trials"][0]["hparams"] == trial.hparams
        if same and not trial.streams:
            yield trial, made_id, made


def _verdict(values: Sequence[float], groups: Sequence[Group | None], sign: int) -> dict[str, Any]:
    found = [group for group in groups if group is not None]
    both = len(found) == 2
    if len(values) < 2 or not found or not (both or all(map(math.isfinite, values))):
        return {"verdict": "unknown", "t": None, "threshold": None}
    if both:
        t, freedom = _welch(found, sign)
    else:
        (group,) = found
        count = len(group["values"])
        first, variance = (values[0], 2) if groups[0] is None else (group["mean"], 1 + 1 / count)
        t, freedom = _ratio(sign * (values[1] - first), group["spread"] * math.sqrt(variance)), count - 1
    threshold = T_975[min(freedom, len(T_975)) - 1]
    return {"verdict": "best" if t > threshold else "noise", "t": t, "threshold": threshold}


def _welch(groups: Sequence[Group], sign: int) -> tuple[float, int]:
    parts = [group["spread"] ** 2 / len(group["values"]) for group in groups]
    t = _ratio(sign * (groups[1]["mean"] - groups[0]["mean"]), math.sqrt(sum(parts)))
    spread = sum(part**2 / (len(group["values"]) - 1) for part, group in zip(parts, groups, strict=True))
    return t, max(1, int(sum(parts) ** 2 / spread)) if spread else 1


def _ratio(difference: float, error: float) -> float:
    if error:
        return difference / error
    return math.copysign(math.inf, difference) if difference else 0.0
