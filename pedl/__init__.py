"""pedl: re-running an experiment gives the identical model, bit for bit.

The names for a script or a notebook, and for a model definition while it runs; loaded on first use, so that `import
pedl` costs nothing.

    import pedl

    experiment = pedl.create_experiment("random.yaml", "examples/mnist")
    experiment.run(workers=2)
    experiment.best_trial.hparams, experiment.best_trial.metrics

Trial classes are in `pedl.trial`, errors in `pedl.errors`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pedl.experiment import create_experiment, list_experiments, load_experiment
    from pedl.trial.context import (
        get_experiment_config,
        get_experiment_id,
        get_hyperparameter,
        get_hyperparameters,
        get_trial_id,
        get_trial_seed,
    )

__all__ = [
    "create_experiment",
    "get_experiment_config",
    "get_experiment_id",
    "get_hyperparameter",
    "get_hyperparameters",
    "get_trial_id",
    "get_trial_seed",
    "list_experiments",
    "load_experiment",
]

_HOMES = {
    "create_experiment": "pedl.experiment",
    "get_experiment_config": "pedl.trial.context",
    "get_experiment_id": "pedl.trial.context",
    "get_hyperparameter": "pedl.trial.context",
    "get_hyperparameters": "pedl.trial.context",
    "get_trial_id": "pedl.trial.context",
    "get_trial_seed": "pedl.trial.context",
    "list_experiments": "pedl.experiment",
    "load_experiment": "pedl.experiment",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
