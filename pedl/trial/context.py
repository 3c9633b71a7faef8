"""What a trial knows about itself: its experiment, its number, its seed and its hyperparameters.

One process trains one trial, so the current trial is a module variable, set before the model definition is
imported; the helpers below read it and raise `NoTrialContext` where there is none.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pedl.errors import NoTrialContext
from pedl.trial.hyperparameters import Hyperparameters, UnknownHyperparameter


@dataclass(frozen=True)
class TrialContext:
    """The identity of a trial.

    Attributes:
      trial_seed: 0 .. 2**31 - 1; every seed of the trial is derived from it.
      hparams: the hyperparameters, nested as in the configuration.
      experiment_config: the complete experiment configuration, defaults filled in.
      experiment_id: from 1; 0 for a trial that runs alone.
      trial_id: the trial's number within its experiment, from 1; 0 while a definition is only checked.
      streams: by name ("init", "order", "dropout"), the seeds of streams that do not follow the trial's seed.
      download_dir: what the model definition's `download_data` returned; None if it has none.
    """

    trial_seed: int
    hparams: Hyperparameters = field(default_factory=Hyperparameters)
    experiment_config: dict[str, Any] = field(default_factory=dict)
    experiment_id: int = 0
    trial_id: int = 1
    streams: dict[str, int] = field(default_factory=dict)
    download_dir: Path | None = None

    def seed_of(self, stream: str) -> int:
        """Returns the seed that initial weights ("init"), data ("order") or random layers ("dropout") follow."""
        return self.streams.get(stream, self.trial_seed)


_current: TrialContext | None = None


def enter(context: TrialContext) -> None:
    """Makes `context` the current trial of this process."""
    global _current
    _current = context


def leave() -> None:
    """Leaves the current trial; tests that run several trials in one process need it."""
    global _current
    _current = None


def current(asked_for: str) -> TrialContext:
    """Returns the current trial; `asked_for` names the caller in the error.

    Raises:
      NoTrialContext: outside a trial.
    """
    if _current is None:
        raise NoTrialContext(
            f"{asked_for} was called, but no trial runs in this process. It works inside a model definition, "
            "also while it is imported; to try a definition alone, run it with `pedl experiment create --test-mode`."
        )
    return _current


def get_trial_seed() -> int:
    """Returns the seed of the current trial, 0 .. 2**31 - 1.

    Raises:
      NoTrialContext: outside a trial.
    """
    return current("get_trial_seed()").trial_seed


def get_trial_id() -> int:
    """Returns the number of the current trial within its experiment, from 1.

    Raises:
      NoTrialContext: outside a trial.
    """
    return current("get_trial_id()").trial_id


def get_experiment_id() -> int:
    """Returns the id of the experiment of the current trial.

    Raises:
      NoTrialContext: outside a trial.
    """
    return current("get_experiment_id()").experiment_id


def get_experiment_config() -> dict[str, Any]:
    """Returns a copy of the experiment configuration of the current trial, defaults filled in.

    Raises:
      NoTrialContext: outside a trial.
    """
    return copy.deepcopy(current("get_experiment_config()").experiment_config)


def get_hyperparameters() -> dict[str, Any]:
    """Returns a copy of the hyperparameters of the current trial.

    Raises:
      NoTrialContext: outside a trial.
    """
    return copy.deepcopy(current("get_hyperparameters()").hparams)


def get_hyperparameter(name: str) -> Any:
    """Returns one hyperparameter of the current trial; also while the model definition is imported.

    Args:
      name: a name, or a dotted path into nested hyperparameters.

    Raises:
      NoTrialContext: outside a trial.
      KeyError: if there is none of that name; the message lists those that there are.
    """
    value: Any = current("get_hyperparameter()").hparams
    for part in name.split("."):
        if not isinstance(value, Hyperparameters):
            raise UnknownHyperparameter(f"there is no hyperparameter {name}: what stands before {part} is {value!r}")
        value = value[part]
    return copy.deepcopy(value)
