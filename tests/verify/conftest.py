"""Experiments that are trained by a formula; see tests/experiment."""

from tests.experiment.conftest import definition, experiment

__all__ = ["definition", "experiment"]
