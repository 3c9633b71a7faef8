"""Values as plain JSON and back, exactly: numbers, text, tuples, dicts with any keys, NumPy arrays and scalars."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import numpy as np

from pedl.errors import TrialDefinitionError
from pedl.trial.checkpoint import dtype_of
from pedl.trial.hyperparameters import Hyperparameters


def is_plain(value: Any) -> bool:
    """Tells whether `packed` takes a value."""
    if isinstance(value, dict):
        return type(value) in (dict, Hyperparameters) and all(is_plain(it) for pair in value.items() for it in pair)
    if isinstance(value, list | tuple):
        return all(is_plain(it) for it in value)
    if isinstance(value, np.ndarray):
        return type(value) is np.ndarray and _dtype_text(value.dtype) is not None
    if isinstance(value, np.generic):
        return _dtype_text(value.dtype) is not None
    return value is None or isinstance(value, bool | int | float | str)


def packed(value: Any, what: str) -> Any:
    """Returns a value as JSON; raises TrialDefinitionError, which begins with `what`, if it is not plain."""
    if not is_plain(value):
        raise TrialDefinitionError(
            f"{what} is not plain data ({value!r:.200}), expected numbers, text, NumPy arrays of these, and dicts and "
            "lists of them."
        )
    return _packed(value)


def _packed(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        array = np.asarray(value)
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {
            kind: base64.b64encode(array.tobytes()).decode(),
            "dtype": _dtype_text(array.dtype),
            "shape": list(array.shape),
        }
    if isinstance(value, dict):
        return {"dict": [[_packed(key), _packed(it)] for key, it in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_packed(it) for it in value]}
    if isinstance(value, list):
        return [_packed(it) for it in value]
    return {"float": value.hex()} if isinstance(value, float) else value


def unpacked(value: Any) -> Any:
    """Returns what `packed` was given."""
    if isinstance(value, list):
        return [unpacked(it) for it in value]
    if not isinstance(value, dict):
        return value
    if "dict" in value:
        return {unpacked(key): unpacked(it) for key, it in value["dict"]}
    if "tuple" in value:
        return tuple(unpacked(it) for it in value["tuple"])
    if "float" in value:
        return float.fromhex(value["float"])
    content = base64.b64decode(value["array"] if "array" in value else value["scalar"])
    array = np.frombuffer(content, dtype_of(value["dtype"])).reshape(value["shape"])
    return array.copy() if "array" in value else array[()]


def _dtype_text(dtype: np.dtype[Any]) -> str | None:
    """Returns its name, or where that leaves something out (byte order, the length of text) NumPy's short form; None
    where neither gives the same dtype again.
    """
    for text in (dtype.name, dtype.str):
        with suppress(TypeError):
            if not dtype.hasobject and dtype_of(text) == dtype:
                return text
    return None
