"""What a verification left out: it never claims what was not executed."""

from __future__ import annotations

from collections.abc import Sequence

from pedl.experiment.fold import ENDED, ExperimentState
from pedl.experiment.trial_state import TrialState
from pedl.numbered import numbered
from pedl.verify.result import TrialVerification


def not_executed(state: ExperimentState, trials: Sequence[TrialVerification]) -> list[str]:
    """Returns, in sentences, what of an experiment was not run again or not compared; none: all of it was."""
    missing = []
    if state.state not in ENDED:
        missing.append("The experiment is not over: what is yet to come was not checked.")
    again = {it.trial_id for it in trials}
    left_out = [it for it in sorted(state.trials) if it not in again]
    if left_out:
        missing.append(f"Trials that were not run again: {numbered(left_out)}.")
    for it in trials:
        missing += _of_trial(state.trials[it.trial_id], it)
    return missing


def _of_trial(trial: TrialState, it: TrialVerification) -> list[str]:
    missing = [f"Trial {trial.id}: {it.note}."] if it.note and not it.over else []
    if it.batches < trial.batches_completed:
        missing.append(f"Trial {trial.id}: {it.batches} of its {trial.batches_completed} batches were compared.")
    saved = len(trial.checkpoint_hashes)
    if it.checkpoints < saved:
        missing.append(f"Trial {trial.id}: {it.checkpoints} of {saved} checkpoints were compared.")
    if trial.final is not None and not it.weights:
        missing.append(f"Trial {trial.id}: its final weights were not compared.")
    return missing
