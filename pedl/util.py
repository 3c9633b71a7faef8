"""The original system's helper functions for a model definition; those that ask for the trial are those of `pedl`."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pedl.errors import NoTrialContext
from pedl.trial.context import (
    current,
    get_experiment_config,
    get_experiment_id,
    get_hyperparameter,
    get_hyperparameters,
    get_trial_id,
    get_trial_seed,
)

__all__ = [
    "get_data_config",
    "get_download_data_dir",
    "get_experiment_config",
    "get_experiment_id",
    "get_hyperparameter",
    "get_hyperparameters",
    "get_trial_id",
    "get_trial_seed",
    "is_valid_url",
]


def get_data_config() -> dict[str, Any]:
    """Returns `data` of the experiment configuration. Raises NoTrialContext outside a trial."""
    config: dict[str, Any] = get_experiment_config().get("data") or {}
    return config


def get_download_data_dir() -> Path:
    """Returns the directory that `download_data(experiment_config, hparams)` returned.

    Raises:
      NoTrialContext: outside a trial, or if the model definition has no `download_data`.
    """
    directory = current("get_download_data_dir()").download_dir
    if directory is None:
        raise NoTrialContext(
            "get_download_data_dir() was called, but nothing was downloaded. Write a function "
            "download_data(experiment_config, hparams) beside the trial class, which returns the directory; it is "
            "called before make_data_loaders."
        )
    return directory


def is_valid_url(url: str) -> bool:
    """Tells whether a text is a complete URL: with a scheme and a host."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc)
