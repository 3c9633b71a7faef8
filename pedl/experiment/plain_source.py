"""Plain data as Python source: the same value, the same text, in every process."""

from __future__ import annotations

import math
from typing import Any

PLAIN = "None, bool, int, float, str, bytes, and tuples, lists, dicts and sets of them"


def source_of(value: Any) -> str | None:
    """Returns an expression that gives `value`; None if it is not plain data.

    Subclasses are not plain: a number of NumPy's or an enumeration says more than its value.

    >>> source_of({"rates": (0.1, float("inf")), "names": {"b", "a"}})
    "{'rates': (0.1, float('inf')), 'names': {'a', 'b'}}"
    >>> source_of([object()]) is None
    True
    """
    try:
        return _source_of(value)
    except (_NotPlain, RecursionError):  # a list may hold itself
        return None


class _NotPlain(Exception):
    """A value, or a part of it, is not plain."""


def _source_of(value: Any) -> str:
    kind = type(value)
    if kind in (type(None), bool, int, str, bytes):
        return repr(value)
    if kind is float:
        return repr(value) if math.isfinite(value) else f"float({str(value)!r})"
    if kind is dict:
        return f"{{{', '.join(f'{_source_of(key)}: {_source_of(item)}' for key, item in value.items())}}}"
    if kind not in (tuple, list, set, frozenset):
        raise _NotPlain
    items = [_source_of(item) for item in value]
    if kind is list:
        return f"[{', '.join(items)}]"
    if kind is tuple:
        return f"({', '.join(items)}{',' * (len(items) == 1)})"
    # The order of a set is that of its hashes, and another in each process.
    inside = f"{{{', '.join(sorted(items))}}}" if items else ""
    return inside if kind is set and items else f"{kind.__name__}({inside})"
