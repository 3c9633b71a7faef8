"""`from pedl.frameworks.tensorflow import TensorFlowTrial`, as model definitions of the original system have it."""

from pedl.trial.tensorflow_trial import TensorFlowTrial

__all__ = ["TensorFlowTrial"]
