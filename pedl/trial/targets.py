"""How a batch meets the model: its targets in the order of the model's outputs, and what each class weighs.

Keras matches dicts to outputs by name where a model returns a dict, and by position where it returns a list. Users
name outputs in both cases, and the names are turned into positions here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras


def outputs_in_order(model: keras.Model, named: Mapping[str, Any]) -> Any:
    """Returns what Keras takes for `named`, a dict by outputs: the dict itself, or a list by position."""
    order = _positions(model)
    return dict(named) if order is None else [named.get(name) for name in order]


def arranged(model: keras.Model, batch: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns a batch whose targets and sample weights are lists where the model's outputs are, if they were dicts."""
    order = _positions(model)
    if order is None:
        return batch
    x, *others = batch
    return (x, *(_arranged(part, order) for part in others))


def _arranged(part: Any, order: list[str]) -> Any:
    if not isinstance(part, Mapping) or not set(order) <= set(part):
        return part
    return part[order[0]] if len(order) == 1 else [part[name] for name in order]


def _positions(model: keras.Model) -> list[str] | None:
    """The names of the outputs of a functional model that returns one or a list; None where Keras goes by names."""
    outputs = getattr(model, "output", None) if hasattr(model, "output_names") else None
    return None if outputs is None or isinstance(outputs, Mapping) else list(model.output_names)
