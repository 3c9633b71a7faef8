"""Where something stands in a model: the path that its seeds are keyed by."""

from __future__ import annotations

from dataclasses import dataclass

from pedl.seeds import stream_seed


@dataclass(frozen=True)
class Place:
    """A path under a trial seed. Two places with different paths share no seed.

    Attributes:
      random_seed: what seeds of random layers follow; initial values follow `trial_seed`. None: the same.
    """

    trial_seed: int
    path: tuple[str | int, ...] = ()
    random_seed: int | None = None

    def within(self, *parts: str | int) -> Place:
        """Returns the place at `parts` inside this one."""
        return Place(self.trial_seed, (*self.path, *parts), self.random_seed)

    def seed(self, *purpose: str | int) -> int:
        """Returns the 32-bit seed of this place for a purpose, such as ("argument", "kernel_initializer")."""
        of_a_random_layer = purpose[0] == "argument" and not str(purpose[-1]).endswith("initializer")
        seed = self.random_seed if of_a_random_layer and self.random_seed is not None else self.trial_seed
        return stream_seed(seed, "factory", *self.path, *purpose)
