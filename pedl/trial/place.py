"""Where something stands in a model: the path that its seeds are keyed by."""

from __future__ import annotations

from dataclasses import dataclass

from pedl.seeds import stream_seed


@dataclass(frozen=True)
class Place:
    """A path under a trial seed. Two places with different paths share no seed."""

    trial_seed: int
    path: tuple[str | int, ...] = ()

    def within(self, *parts: str | int) -> Place:
        """Returns the place at `parts` inside this one."""
        return Place(self.trial_seed, (*self.path, *parts))

    def seed(self, *purpose: str | int) -> int:
        """Returns the 32-bit seed of this place for a purpose, such as ("argument", "kernel_initializer")."""
        return stream_seed(self.trial_seed, "factory", *self.path, *purpose)
