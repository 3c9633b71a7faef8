"""Generators of the user's own: those that no global seed reaches get one, and all belong to the trial's state.

`np.random.default_rng()` and `random.Random()` without a seed ask the operating system. While a `TrackedGenerators` is
installed, those that the model definition creates ask for a seed keyed by (trial seed, creating file and function, how
many were created there before) instead: another generator elsewhere moves none. Inside `borrowed(seed)` the key is
that seed rather than the trial's, so that a generator made for one item of a dataset does not depend on how many items
came before. What an item of a `PyDataset` makes belongs to no state: no other item may draw from it.

Created by the model definition means: a frame of it is on the stack, and the frame that creates the generator is not of
the standard library, NumPy, Keras, TensorFlow or pedl, which keep what they have. `random.SystemRandom` and
`os.urandom` are their author's own business, as is `rng.seed()` without an argument.
"""

from __future__ import annotations

import functools
import os
import random
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import CodeType, TracebackType
from typing import Any, NamedTuple

import numpy as np

from pedl.errors import CheckpointError
from pedl.seeds import stream_seed
from pedl.trial.generators import current_borrow, plain, python_state, unplain
from pedl.trial.patches import Patches

FORMAT = 1

_UNTOUCHED = frozenset({"numpy", "keras", "tensorflow", "pedl"}) | sys.stdlib_module_names
"""Top-level packages whose own generators keep the seeds they ask for."""


class Kept(NamedTuple):
    """A generator as it was: its name, a reference to it, and the state that it had."""

    name: str
    ref: weakref.ref[Any]
    state: Any


class TrackedGenerators:
    """Seeds and follows the generators of a model definition, from `install()` to `uninstall()`.

    To be installed before the user's module is imported: `from numpy.random import default_rng` at its top is covered,
    as are `isinstance(x, random.Random)` and classes derived from it. One may be installed at a time.

    Args:
      trial_seed: 0 .. 2**31 - 1.
      definition: the directory of the model definition, or its one file.
    """

    def __init__(self, trial_seed: int, definition: Path):
        self._trial_seed = trial_seed
        self._definition = os.path.realpath(definition)
        self._created: dict[str, int] = {}
        self._alive: list[tuple[str, weakref.ref[Any]]] = []
        self._of_items: list[tuple[str, weakref.ref[Any]]] = []
        self._patches = Patches()
        self._lock = threading.RLock()

    def install(self) -> None:
        """Replaces the constructors; nothing that exists already is touched."""
        self._patches.replace(random.Random, "__init__", self._random_init(random.Random.__init__))
        # Every unseeded NumPy generator, bit generator or SeedSequence takes its entropy from this one function.
        bit_generator = sys.modules["numpy.random.bit_generator"]
        self._patches.replace(bit_generator, "randbits", self._randbits(bit_generator.randbits))
        generator = self._followed_class(np.random.Generator)
        self._patches.replace(np.random, "default_rng", self._default_rng(np.random.default_rng, generator))
        self._patches.replace(np.random, "Generator", generator)
        self._patches.replace(np.random, "RandomState", self._followed_class(np.random.RandomState))

    def uninstall(self) -> None:
        """Puts the constructors back; generators that were made stay followed."""
        self._patches.undo()

    def __enter__(self) -> TrackedGenerators:
        self.install()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.uninstall()

    def get_state(self) -> dict[str, Any]:
        """Returns the states of all generators that are alive, as plain JSON, in the order of their creation.

        {"format": 1, "created": {place: count}, "generators": [{"name", "kind", "state"}, ...]}
        """
        with self._lock:
            generators = [{"name": name, "kind": _kind(it), "state": _get_state(it)} for name, it in self._living()]
            return {"format": FORMAT, "created": dict(self._created), "generators": generators}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Puts back what `get_state` returned, into the generators that the same model definition has created.

        Raises:
          CheckpointError: if the generators that are alive are not those of the state, by name and kind, in order.
        """
        if state.get("format") != FORMAT:
            raise CheckpointError(f"generators were saved in format {state.get('format')!r}, this pedl reads {FORMAT}")
        with self._lock:
            living = self._living()
            saved = [f"{it['name']} ({it['kind']})" for it in state["generators"]]
            here = [f"{name} ({_kind(it)})" for name, it in living]
            if saved != here:
                raise CheckpointError(
                    "the random generators of the model definition are not those of the checkpoint.\n"
                    f"  in the checkpoint: {', '.join(saved) or 'none'}\n  here: {', '.join(here) or 'none'}\n"
                    "Create generators in __init__, build_model or make_data_loaders, so that a resumed trial has them."
                )
            for (_, generator), it in zip(living, state["generators"], strict=True):
                _set_state(generator, it["state"])
            self._created = dict(state["created"])

    def kept(self) -> list[Kept]:
        """Returns all generators that are alive, those that items made included."""
        with self._lock:
            self._of_items = [(name, ref) for name, ref in self._of_items if ref() is not None]
            both = [*self._alive, *self._of_items]
            return [Kept(name, ref, _raw_state(it)) for name, ref in both if (it := ref()) is not None]

    def _living(self) -> list[tuple[str, Any]]:
        living = [(name, generator) for name, ref in self._alive if (generator := ref()) is not None]
        self._alive = [(name, weakref.ref(generator)) for name, generator in living]
        return living

    def _new_name(self, place: str) -> tuple[str, int]:
        """Returns the name of the next generator at a place, and the seed of what it is keyed by."""
        borrow = current_borrow()
        created = self._created if borrow is None else borrow.created
        with self._lock:
            ordinal = created[place] = created.get(place, -1) + 1
        name = f"{place}#{ordinal}"
        return (name, self._trial_seed) if borrow is None else (f"{borrow.seed}:{name}", borrow.seed)

    def _follow(self, name: str, generator: Any) -> None:
        with self._lock:
            borrow = current_borrow()
            if borrow is not None and borrow.of_an_item:
                self._of_items.append((name, weakref.ref(generator)))
                return
            if len(self._alive) % 64 == 0:
                self._living()
            self._alive.append((name, weakref.ref(generator)))

    def _random_init(self, original: Any) -> Any:
        @functools.wraps(original)
        def init(generator: random.Random, x: Any = None) -> None:
            place = None if isinstance(generator, random.SystemRandom) else self._place()
            if place is None:
                original(generator, x)
                return
            name, seed = self._new_name(place)
            original(generator, stream_seed(seed, "generator", name) if x is None else x)
            self._follow(name, generator)

        return init

    def _randbits(self, original: Any) -> Any:
        @functools.wraps(original)
        def randbits(bits: int) -> int:
            place = self._place()
            if place is None:
                return int(original(bits))
            name, seed = self._new_name(f"{place}:entropy")
            return _bits(bits, seed, name)

        return randbits

    def _default_rng(self, original: Any, generator_class: Any) -> Any:
        @functools.wraps(original)
        def default_rng(seed: Any = None) -> Any:
            made = original(seed)
            # A Generator is handed back as it came; the others get the class that is followed.
            return made if made is seed or self._place() is None else generator_class(made.bit_generator)

        return default_rng

    def _followed_class(self, original: Any) -> Any:
        """Returns a class to stand in for NumPy's, whose instances can be referred to weakly (NumPy's cannot)."""
        tracked = self

        class Meta(type):
            def __instancecheck__(cls, instance: Any) -> bool:
                return isinstance(instance, original) if cls is Followed else type.__instancecheck__(cls, instance)

            def __subclasscheck__(cls, subclass: type) -> bool:
                return issubclass(subclass, original) if cls is Followed else type.__subclasscheck__(cls, subclass)

        class Followed(original, metaclass=Meta):
            def __init__(self, *args: Any, **kwargs: Any):
                super().__init__(*args, **kwargs)
                place = tracked._place()
                if place is not None:
                    tracked._follow(tracked._new_name(place)[0], self)

        Followed.__name__, Followed.__qualname__ = original.__name__, original.__qualname__
        Followed.__module__, Followed.__doc__ = original.__module__, original.__doc__
        return Followed

    def _place(self) -> str | None:
        """Returns where a generator is being created, "file.py:Class.method", or None where it is not ours to seed."""
        frame = sys._getframe(1)
        while frame.f_code.co_filename == __file__ and frame.f_back is not None:
            frame = frame.f_back
        place = self._definition_place(frame.f_code)
        if place is not None:
            return place
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _UNTOUCHED:
            return None
        name = _qualname(frame.f_code)
        outer = frame.f_back
        while outer is not None:
            if self._definition_place(outer.f_code) is not None:
                return f"{module}:{name}"
            outer = outer.f_back
        return None

    def _definition_place(self, code: CodeType) -> str | None:
        file = _real(code.co_filename)
        if file == self._definition:
            return f"{Path(file).name}:{_qualname(code)}"
        if file.startswith(self._definition + os.sep):
            return f"{os.path.relpath(file, self._definition)}:{_qualname(code)}"
        return None


def moved(kept: Iterable[Kept]) -> list[Kept]:
    """Returns those of the generators that are alive, and in another state than they were."""
    return [it for it in kept if (generator := it.ref()) is not None and not _equal(_raw_state(generator), it.state)]


@functools.lru_cache(maxsize=4096)
def _real(file: str) -> str:
    return os.path.realpath(file)


def _qualname(code: CodeType) -> str:
    return str(getattr(code, "co_qualname", code.co_name))  # Python 3.10 has no co_qualname.


def _bits(bits: int, seed: int, name: str) -> int:
    words = (bits + 31) // 32
    return sum(stream_seed(seed, "generator", name, word) << 32 * word for word in range(words)) & ((1 << bits) - 1)


def _kind(generator: Any) -> str:
    if isinstance(generator, random.Random):
        return "random.Random"
    if hasattr(generator, "bit_generator"):
        return f"np.random.Generator({type(generator.bit_generator).__name__})"
    return f"np.random.RandomState({generator.get_state(legacy=False)['bit_generator']})"


def _get_state(generator: Any) -> Any:
    return plain(_raw_state(generator))


def _raw_state(generator: Any) -> Any:
    if isinstance(generator, random.Random):
        return generator.getstate()
    if hasattr(generator, "bit_generator"):
        return generator.bit_generator.state
    return generator.get_state(legacy=False)


def _equal(one: Any, other: Any) -> bool:
    """Compares two raw states: dicts of numbers, arrays and dicts, or tuples."""
    if isinstance(one, dict):
        return all(_equal(value, other[key]) for key, value in one.items())
    return bool(np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other)


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, random.Random):
        generator.setstate(python_state(state))
    elif hasattr(generator, "bit_generator"):
        generator.bit_generator.state = unplain(state)
    else:
        generator.set_state(unplain(state))
