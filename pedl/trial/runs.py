"""Which kind of run trains which trial class."""

from __future__ import annotations

from pedl.trial.graph_run import GraphRun
from pedl.trial.keras_run import KerasRun
from pedl.trial.run import Run
from pedl.trial.tensorflow_trial import TensorFlowTrial
from pedl.trial.trial import Trial


def run_class(trial: Trial) -> type[Run]:
    """Returns the class to train `trial` with."""
    return GraphRun if isinstance(trial, TensorFlowTrial) else KerasRun
