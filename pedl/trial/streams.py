"""Streams that a replication re-keys one by one: initial weights, order of the data, random layers.

The factory keeps them apart: what it makes draws initial values from "init", and masks and noise from "dropout". What
draws from a running stream follows "init" alone; where there is such a layer, and in a graph, the two cannot be told
apart.
"""

from __future__ import annotations

from pedl.errors import TrialDefinitionError
from pedl.trial.tensorflow_trial import TensorFlowTrial
from pedl.trial.trial import Trial


def is_graph(trial: Trial) -> bool:
    """Tells whether a trial builds a graph."""
    return isinstance(trial, TensorFlowTrial)


def check_streams(trial: Trial) -> None:
    """Raises TrialDefinitionError if streams are to be re-keyed that this kind of trial does not keep apart."""
    streams = trial.context.streams
    if is_graph(trial) and ("init" in streams) != ("dropout" in streams):
        raise TrialDefinitionError(
            f"{type(trial).__name__} builds a graph, whose initial values and random operations are one stream. "
            "Vary init and dropout together (`together: [init, dropout]` in the searcher), or order alone."
        )
