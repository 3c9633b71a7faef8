"""Aliases: the data loaders of Keras trials, under the original system's import path."""

from pedl.trial.in_memory import InMemorySequence, KerasDataAdapter

__all__ = ["InMemorySequence", "KerasDataAdapter"]
