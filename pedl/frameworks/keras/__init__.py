"""`from pedl.frameworks.keras import KerasTrial`, as model definitions of the original system have it."""

from pedl.trial.functional_trial import KerasFunctionalTrial
from pedl.trial.keras_trial import KerasTrial

__all__ = ["KerasFunctionalTrial", "KerasTrial"]
