"""The name that a person may have meant by one that is not there."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: str, valid: Iterable[str]) -> str:
    """Returns "; did you mean `x`?" for the nearest of the valid names, or "" if none is near.

    Initials are near, too: `lr` means `learning_rate`.
    """
    by_lower = {choice.lower(): choice for choice in valid}
    close = difflib.get_close_matches(name.lower(), by_lower, n=1)
    close = close or [it for it in by_lower if "".join(word[:1] for word in it.split("_")) == name.lower()]
    return f"; did you mean `{by_lower[close[0]]}`?" if close else ""
