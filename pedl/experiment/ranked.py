"""Things in the order of ranks that change now and then: who is first is known without looking at all of them."""

from __future__ import annotations

import bisect
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")


class Ranked(Generic[Key]):
    """Keys by rank, the smallest first. No two ranks may be equal.

    A change costs O(log n) comparisons, and a shift of pointers that is not felt before there are millions.
    """

    def __init__(self) -> None:
        self._order: list[tuple[Any, Key]] = []
        self._ranks: dict[Key, Any] = {}

    def put(self, key: Key, rank: Any) -> None:
        """Gives a key this rank, whatever it had before; None takes it out."""
        if self._ranks.get(key) == rank:
            return
        if (before := self._ranks.pop(key, None)) is not None:
            del self._order[bisect.bisect_left(self._order, (before,))]
        if rank is not None:
            self._ranks[key] = rank
            bisect.insort(self._order, (rank, key))

    def first(self, count: int) -> list[Key]:
        """Returns the `count` keys of the smallest ranks, or all if there are fewer."""
        return [key for _, key in self._order[:count]]
