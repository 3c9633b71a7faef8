"""How a batch meets the model: its targets in the order of the model's outputs, and what each class weighs.

Keras matches dicts to outputs by name where a model returns a dict, and by position where it returns a list. Users
name outputs in both cases, and the names are turned into positions here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from pedl.errors import TrialDefinitionError


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


def class_weighted(batch: tuple[Any, ...], weight: Mapping[int, float]) -> tuple[Any, ...]:
    """Returns a batch whose samples weigh what their classes do, times the sample weights that it has.

    Args:
      batch: (x, y) or (x, y, sample_weight); y are classes, (batch,) or (batch, 1), or one-hot, (batch, classes).
      weight: class -> weight; 1 where there is none.
    """
    x, y, *others = batch
    classes = tf.argmax(y, -1) if y.shape.rank > 1 and y.shape[-1] != 1 else tf.reshape(y, [-1])
    # One place more than there are known classes stands for all others.
    size = max(weight) + 1
    table = tf.constant([float(weight.get(number, 1.0)) for number in range(size + 1)], keras.config.floatx())
    found = tf.gather(table, tf.minimum(tf.cast(classes, tf.int64), size))
    if others:  # of each sample, or of each of its places
        found = others[0] * tf.reshape(found, [-1] + [1] * (others[0].shape.rank - 1))
    return x, y, found


def checked_class_weight(trial: Any) -> Mapping[int, float] | None:
    """Returns what the trial's `class_weight()` returns; raises TrialDefinitionError if it is no dict of weights."""
    weight = trial.class_weight()
    if weight is None:
        return None
    if not isinstance(weight, Mapping) or not weight or not all(isinstance(it, int) and it >= 0 for it in weight):
        raise TrialDefinitionError(
            f"{type(trial).__name__}.class_weight() returned {weight!r}, expected a dict of class: weight, or None.\n"
            "Return one, for example: {0: 1.0, 1: 2.5}"
        )
    return weight


def _positions(model: keras.Model) -> list[str] | None:
    """The names of the outputs of a functional model that returns one or a list; None where Keras goes by names."""
    outputs = getattr(model, "output", None) if hasattr(model, "output_names") else None
    return None if outputs is None or isinstance(outputs, Mapping) else list(model.output_names)
