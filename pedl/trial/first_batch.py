"""What is said of a batch that does not go through the model: names that do not fit, else its shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from pedl.trial.sources import Source


def does_not_fit(model: Any, phase: str, source: Source, feed: Any) -> str:
    """Returns what to compare, for an example of a segment of the "training" or "validation" data."""
    batch = source.take(tf.nest.map_structure(lambda tensor: tensor[0], feed))
    names = _other_names(batch[0], input_names(model))
    if names:
        return f"A batch of the {phase} data does not go through the model: {names}"
    shapes = tf.nest.map_structure(lambda tensor: f"{tensor.dtype.name} {tuple(tensor.shape)}", batch)
    named = ", ".join(f"{name} {shape}" for name, shape in zip(("x", "y", "sample_weight"), shapes, strict=False))
    return (
        f"A batch of the {phase} data does not go through the model, its loss and its metrics: {named}. "
        "Compare these shapes with what they expect."
    )


def input_names(model: Any) -> list[str]:
    """Returns the names of a functional model's inputs, in their order; [] for a model that has no named ones."""
    inputs = getattr(model, "input", None) if getattr(model, "inputs", None) else None
    return list(inputs) if isinstance(inputs, Mapping) else [it.name for it in tf.nest.flatten(inputs or [])]


def _other_names(given: Any, expected: list[str]) -> str:
    if not isinstance(given, Mapping) or set(expected) <= set(given):
        return ""
    return (
        f"the data name the inputs {', '.join(given)}, expected {', '.join(expected)}, which are the names of the "
        "model's inputs. Name them alike in make_data_loaders() and build_model()."
    )
