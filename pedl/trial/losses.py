"""Losses as users give them, looked at before Keras does: its own message knows neither hook nor output."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import keras

from pedl.errors import TrialDefinitionError
from pedl.near import nearest

_SHORT = ("mse", "mae", "mape", "msle")


def checked_loss(what: str, loss: Any) -> Any:
    """Returns a loss that Keras knows, or leaves to a model: a function, a `Loss`, a name, or several of them.

    Args:
      what: what gave it, such as "MyTrial.loss()"; errors begin with it.

    Raises:
      TrialDefinitionError: if it is a name that Keras does not have, or nothing that can be a loss.
    """
    if isinstance(loss, str):
        _check_name(what, loss)
    elif isinstance(loss, bool | int | float):
        raise TrialDefinitionError(
            f"{what} is {loss!r}, expected a function f(y_true, y_pred), a keras.losses.Loss, or its name, for example "
            "'mean_squared_error'."
        )
    return loss


def _check_name(what: str, name: str) -> None:
    try:
        keras.losses.get(name)
    except ValueError:
        raise TrialDefinitionError(
            f"{what} is {name!r}, which is not a Keras loss{nearest(name, names_taken(keras.losses)) or '.'}\n"
            "Write it as Keras does, for example 'mean_squared_error', or give the function itself."
        ) from None


def names_taken(module: ModuleType) -> list[str]:
    """Returns the names that `keras.losses` or `keras.metrics` makes something of: what a person may have meant."""
    return [name for name in (*vars(module), *_SHORT) if _is_taken(module, name)]


def _is_taken(module: ModuleType, name: str) -> bool:
    try:
        module.get(name)
    except (TypeError, ValueError):  # a class that wants arguments; no such name
        return False
    return True
