"""The names for people who write a trial; loaded on first use."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pedl.trial.arrays import ArrayLoader
    from pedl.trial.callback import Callback
    from pedl.trial.context import get_trial_seed
    from pedl.trial.functional_trial import KerasFunctionalTrial
    from pedl.trial.keras_trial import KerasTrial
    from pedl.trial.model_trial import MetricOp, ValidOp
    from pedl.trial.session import deterministic_cpu_session_config
    from pedl.trial.tensorflow_trial import TensorFlowTrial

__all__ = [
    "ArrayLoader",
    "Callback",
    "KerasFunctionalTrial",
    "KerasTrial",
    "MetricOp",
    "TensorFlowTrial",
    "ValidOp",
    "deterministic_cpu_session_config",
    "get_trial_seed",
]

_HOMES = {
    "ArrayLoader": "pedl.trial.arrays",
    "Callback": "pedl.trial.callback",
    "KerasFunctionalTrial": "pedl.trial.functional_trial",
    "KerasTrial": "pedl.trial.keras_trial",
    "MetricOp": "pedl.trial.model_trial",
    "TensorFlowTrial": "pedl.trial.tensorflow_trial",
    "ValidOp": "pedl.trial.model_trial",
    "deterministic_cpu_session_config": "pedl.trial.session",
    "get_trial_seed": "pedl.trial.context",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has: {', '.join(__all__)}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
