"""What experiments went through and came out of without a changed bit: counted by tests, summed up for a report.

A test that disturbs experiments adds up a `Survived` and gives it to pytest's `record_property` under the name
`PROPERTY`, which reaches the terminal summary (`tests/conftest.py`) from whatever process ran the test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

PROPERTY = "survived"


@dataclass
class Survived:
    """Counts of disturbances, in experiments that all ended with the outcome of an undisturbed one.

    Attributes:
      kills: by who got SIGKILL: "worker", "server", "master", "everything".
      others: by what else was done to processes and messages.
      stops: "before checkpoint.rename 1": where processes were stopped at crash points.
      restarts: by workload, how many of its workers were lost while their master lived.
      experiments: how many came to their end.
      lost: how many did not.
      changed: how many trials had another bit.
    """

    kills: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    stops: set[str] = field(default_factory=set)
    restarts: Counter[str] = field(default_factory=Counter)
    experiments: int = 0
    lost: int = 0
    changed: int = 0

    def add(self, other: Survived) -> None:
        self.kills += other.kills
        self.others += other.others
        self.stops |= other.stops
        self.restarts += other.restarts
        self.experiments += other.experiments
        self.lost += other.lost
        self.changed += other.changed

    def plain(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        counted = {name: dict(getattr(self, name)) for name in ("kills", "others", "restarts")}
        return {**vars(self), **counted, "stops": sorted(self.stops)}

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Survived:
        """Returns what `plain` returned."""
        counters = {name: Counter(plain[name]) for name in ("kills", "others", "restarts")}
        return Survived(**{**plain, **counters, "stops": set(plain["stops"])})

    def lines(self) -> Iterator[str]:
        """Yields the report."""
        yield f"experiments: {self.experiments} at their end, {self.lost} lost; trials with another bit: {self.changed}"
        yield f"kill -9: {self.kills.total()} ({_listed(self.kills)})"
        names = {stop.split()[1] for stop in self.stops}
        yield f"stops at crash points: {len(self.stops)}, before and after each of {len(names)} names"
        yield f"other disturbances: {_listed(self.others)}"
        if self.restarts:
            yield f"workers lost while their master lived, by workload: {_listed(self.restarts)}"


def summed(plains: Iterable[Mapping[str, Any]]) -> Survived:
    """Returns the sum of what several tests recorded."""
    total = Survived()
    for plain in plains:
        total.add(Survived.of(plain))
    return total


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in sorted(counts.items())) or "none"
