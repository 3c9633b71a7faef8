"""The master: search, executor and store together are an experiment; create, load and list them."""

from pedl.experiment.experiment import Experiment
from pedl.experiment.library import create_experiment, list_experiments, load_experiment
from pedl.experiment.trial_result import TrialResult

__all__ = ["Experiment", "TrialResult", "create_experiment", "list_experiments", "load_experiment"]
