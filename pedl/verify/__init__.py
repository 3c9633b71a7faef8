"""Doing it again and comparing: would this experiment come out the same? And if not: where, and why?"""

from pedl.experiment.difference import Difference, ProfileDifference
from pedl.verify.result import TrialVerification, Verification
from pedl.verify.verifying import verify_experiment

__all__ = ["Difference", "ProfileDifference", "TrialVerification", "Verification", "verify_experiment"]
