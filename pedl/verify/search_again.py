"""The search of an experiment, made to decide again on the recorded results: nothing is run, nothing trained."""

from __future__ import annotations

from collections.abc import Sequence

from pedl.config import parse_config
from pedl.experiment.decisions import Decisions, first_disagreement
from pedl.experiment.diagnosis import Circumstances, diagnose_end
from pedl.experiment.difference import Difference, ProfileDifference
from pedl.experiment.fold import fold
from pedl.store import Draft, Event

_SEARCH_OVER = ("COMPLETED", "ERROR")
"""States in which an experiment's search has nothing more to decide; a canceled one may have."""


def decisions_again(
    events: Sequence[Event], profile: Sequence[ProfileDifference] = ()
) -> tuple[int, Difference | None]:
    """Has the search decide again on the recorded results.

    Args:
      profile: what of the numeric profile is another one here.

    Returns:
      How many decisions were compared, and the first difference. Of an experiment that may go on, more decisions than
      recorded are none: a result counts from its commit on, and its decisions may come in a later one.
    """
    created = events[0].payload
    suggested = created["config"]["searcher"]["name"] == "optuna"
    profile = profile if suggested else ()  # the other methods decide without floating point of others
    decisions = Decisions(parse_config(created["config"]), created["experiment_seed"])
    made, recorded = decisions.again(events)
    at = first_disagreement(made, recorded)
    if at is not None:
        because = f"Decision {at + 1} of the search, on trial {recorded[at][1]}, is made otherwise on the same results."
        return at, _difference(recorded[at], made[at] if at < len(made) else None, because, profile)
    if fold(events).state in _SEARCH_OVER and (len(made) > len(recorded) or not decisions.finished):
        more = made[len(recorded)] if len(made) > len(recorded) else None
        because = f"The search was over after {len(recorded)} decisions, and is not over on the same results."
        return len(recorded), _difference(None, more, because, profile)
    return len(recorded), None


def _difference(
    recorded: Draft | None, repeated: Draft | None, because: str, profile: Sequence[ProfileDifference]
) -> Difference:
    cause = "hyperparameters" if recorded is not None and recorded[0] == "trial_created" else "decisions"
    one, other = ("nothing" if it is None else list(it) for it in (recorded, repeated))
    return diagnose_end("decisions", one, other, 0, because, Circumstances(profile=profile), cause)
