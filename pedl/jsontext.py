"""One way to write JSON: canonical, so that equal values are equal bytes.

Keys are sorted, nothing is padded, floats are written by `repr` (which reads back to the same bits), and NaN and the
infinities, for which JSON has no word, are the strings "NaN", "Infinity" and "-Infinity". `with_floats` and `number`
turn them back for whoever computes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

_WRITER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_AS_IT_IS = frozenset({str, int, bool, type(None)})
_TEXT = frozenset({str})
_NOT_FINITE = {name: float(name) for name in ("NaN", "Infinity", "-Infinity")}


def dumps(value: Any) -> str:
    """Returns the canonical JSON text of `value`: plain dicts, lists, tuples, strings, numbers, booleans, None.

    Raises:
      TypeError: if `value` holds anything else, or a key that is not a string.
    """
    return _WRITER.encode(canonical(value))


def plain(value: Any) -> Any:
    """Returns `value` with lists for tuples, built-in types, and text for NaN and infinities; keys stay in their order.

    Raises:
      TypeError: as `dumps`.
    """
    return _plain(value, list)


def canonical(value: Any) -> Any:
    """Returns what a reader of `dumps(value)` gets: plain, with sorted keys.

    Raises:
      TypeError: as `dumps`.
    """
    return _plain(value, sorted)


def _plain(value: Any, order: Callable[[Iterable[str]], list[str]]) -> Any:
    if type(value) in _AS_IT_IS:  # most values are: a master writes thousands of events a second
        return value
    if isinstance(value, dict):
        keys = order(value if _TEXT.issuperset(map(type, value)) else map(_key, value))
        # Written out: a call for each value would be a third of the time.
        return {key: it if type(it := value[key]) in _AS_IT_IS else _plain(it, order) for key in keys}
    if isinstance(value, (list, tuple)):
        return [_plain(item, order) for item in value]
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return str.__str__(value)  # an enumeration's own `__str__` may say something else
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{value!r} ({type(value).__name__}) cannot be kept as JSON; expected plain values")


def with_floats(value: Any) -> Any:
    """Returns plain `value` with NaN and infinities as floats: for metrics, in which no text stands for itself."""
    if isinstance(value, dict):
        return {name: with_floats(item) for name, item in value.items()}
    if isinstance(value, list):
        return [with_floats(item) for item in value]
    return _NOT_FINITE.get(value, value) if isinstance(value, str) else value


def number(value: Any) -> float | None:
    """Returns plain `value` as a float, NaN and infinities included; None if it is no single number, as True is not.

    >>> number(1), number("-Infinity"), number("1"), number([1, 2]), number(True)
    (1.0, -inf, None, None, None)
    """
    found = with_floats(value)
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns what nested mappings hold by path, such as "a.b", in their order; an empty one is a value."""
    found: dict[str, Any] = {}
    for name, value in tree.items():
        deeper = isinstance(value, Mapping) and value
        found |= flat(value, f"{prefix}{name}.") if deeper else {f"{prefix}{name}": value}
    return found


def _key(key: Any) -> str:
    # `json` would quietly turn 1 into "1", and two different dicts into one text.
    if not isinstance(key, str):
        raise TypeError(f"key {key!r} ({type(key).__name__}) cannot be kept as JSON; expected a string")
    return str.__str__(key)
