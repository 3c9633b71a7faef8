"""Trials as a table of pandas, for looking at them in a notebook."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from pedl.experiment.trial_result import TrialResult
from pedl.extras import need
from pedl.jsontext import flat

if TYPE_CHECKING:
    import pandas


def trials_frame(trials: Iterable[TrialResult]) -> pandas.DataFrame:
    """Returns a row for each trial: id, state, `hparams.*`, steps, `metrics.*`, trial_seed, weights_sha256.

    Raises:
      InputError: if pandas is not installed.
    """
    need("notebook", "trials_dataframe()", "pandas")
    import pandas

    rows = [_row(trial) for trial in trials]
    return pandas.DataFrame(rows, columns=_columns(rows))


def _row(trial: TrialResult) -> dict[str, Any]:
    return {
        "id": trial.id,
        "state": trial.state,
        **(flat({"hparams": trial.hparams}) if trial.hparams else {}),
        "steps": trial.steps_completed,
        **(flat({"metrics": trial.metrics}) if trial.metrics else {}),
        "trial_seed": trial.trial_seed,
        "weights_sha256": trial.weights_sha256,
    }


def _columns(rows: list[dict[str, Any]]) -> list[str]:
    """Returns the columns of all rows, where a kind stands together: trials may have other hyperparameters."""
    found = dict.fromkeys(name for row in rows for name in row)
    hparams = [name for name in found if name.startswith("hparams.")]
    metrics = [name for name in found if name.startswith("metrics.")]
    return ["id", "state", *hparams, "steps", *metrics, "trial_seed", "weights_sha256"]
