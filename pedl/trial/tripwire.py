"""Notes who draws from a running stream, and who seeds one, without changing what is drawn.

The functions of `random` and `np.random` that use the process's one generator, and the generator behind
`keras.random.*(seed=None)`, are replaced by functions that note their caller and hand the call on. Not seen are names
that a module took before (`from numpy.random import normal`); that something drew is noticed by the state all the same.
"""

from __future__ import annotations

import functools
import random
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from types import CodeType, FrameType
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl.trial.callers import is_library, line_of
from pedl.trial.generators import current_borrow, get_global_state
from pedl.trial.patches import Patches

_KERAS = (keras.layers.Layer, keras.initializers.Initializer)

_CALLING = frozenset({"call", "__call__", "get_random_transformation"})
"""Methods in which a layer is at work, rather than being made or built."""

_ENOUGH = 64
"""Draws from one line of the user's after which no more are looked into: a loop over data may draw a million times."""

_NO_DRAWS = frozenset({"seed", "get_state", "set_state", "getstate", "setstate"})


@dataclass(frozen=True)
class Draw:
    """A draw from a running stream.

    Attributes:
      source: "random", "np.random" or "keras.random".
      where: "model_def.py:12", the user's line that led to it; "" where only libraries were at work.
      owner: the Keras object at work: the layer or initializer that was made, built or called; or None.
      in_call: whether a layer drew while it was called or traced, rather than made or built.
    """

    source: str
    where: str
    owner: Any
    in_call: bool


@dataclass(frozen=True)
class Seeding:
    """User code called `function`, which sets a global seed, at `where`."""

    function: str
    where: str


@dataclass
class Tripwire:
    """Notes draws and seedings between `set` and `lift`.

    Attributes:
      started_from: the states of the global generators at the start, or when pedl seeded them since.
    """

    started_from: dict[str, Any] = field(default_factory=dict)
    seedings: list[Seeding] = field(default_factory=list)
    _draws: dict[tuple[str, str, int, bool], Draw] = field(default_factory=dict)
    _visits: Counter[tuple[CodeType, int]] = field(default_factory=Counter)
    _patches: Patches = field(default_factory=Patches)
    _active: bool = False

    @property
    def draws(self) -> list[Draw]:
        """The draws so far, those from one line on behalf of one object once."""
        return list(self._draws.values())

    def set(self) -> None:
        """Replaces the functions."""
        self.started_from = get_global_state()
        self._active = True
        python: Any = random.random.__self__  # type: ignore[attr-defined]
        for name in ("random", "getrandbits"):
            # All other methods of the generator draw through these two, also those that somebody took before.
            noting = self._noting("random", getattr(random, name))
            self._patches.replace(python, name, noting)
            self._patches.replace(random, name, noting)
        numpy: Any = np.random.normal.__self__  # type: ignore[attr-defined]
        for name in dir(np.random):
            function = getattr(np.random, name)
            if getattr(function, "__self__", None) is numpy and name not in _NO_DRAWS:
                self._patches.replace(np.random, name, self._noting("np.random", function))
        self._patches.replace(keras.random.SeedGenerator, "next", self._noting_next(keras.random.SeedGenerator.next))
        for module, title in ((random, "random"), (np.random, "np.random")):
            self._patches.replace(module, "seed", self._noting_seed(f"{title}.seed", vars(module)["seed"]))
        for module, name, title in (
            (tf.random, "set_seed", "tf.random.set_seed"),
            (keras.utils, "set_random_seed", "keras.utils.set_random_seed"),
        ):
            self._patches.replace(module, name, self._noting_seed(title, getattr(module, name)))

    def lift(self) -> None:
        """Puts the functions back. One that a module took meanwhile stays what it is, and notes nothing any more."""
        self._active = False
        self._patches.undo()

    def _noting(self, source: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noting(*args: Any, **kwargs: Any) -> Any:
            self._note(source, sys._getframe(1))
            return function(*args, **kwargs)

        return noting

    def _noting_next(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noting(generator: Any, ordered: bool = True) -> Any:
            if not ordered:  # Only Keras's global generator is asked so, on behalf of `seed=None`.
                self._note("keras.random", sys._getframe(1))
            return function(generator, ordered=ordered)

        return noting

    def _noting_seed(self, title: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def noting(*args: Any, **kwargs: Any) -> Any:
            caller = sys._getframe(1)
            by_user = not is_library(caller)
            if by_user and self._active:
                self.seedings.append(Seeding(title, line_of(caller)))
            result = function(*args, **kwargs)
            if title == "keras.utils.set_random_seed" and not by_user:
                self.started_from = get_global_state()
            return result

        return noting

    def _note(self, source: str, frame: FrameType) -> None:
        if not self._active:
            return
        borrow = current_borrow()
        if borrow is not None and borrow.of_a_layer and source != "keras.random":
            return
        while frame.f_globals is vars(random) and frame.f_back is not None:
            frame = frame.f_back
        line = frame.f_code, frame.f_lineno
        self._visits[line] += 1
        if self._visits[line] > _ENOUGH and not is_library(frame):
            return
        where, owner, in_call = _caller(frame)
        if borrow is not None and owner is None:
            return  # On ground borrowed for a purpose, such as an item of a dataset.
        self._draws.setdefault((source, where, id(owner), in_call), Draw(source, where, owner, in_call))


def _caller(innermost: FrameType) -> tuple[str, Any, bool]:
    """Returns the innermost line of the user's above a draw, the Keras object at work, and whether in its `call`."""
    where, owner, in_call, settled = "", None, False, False
    frame: FrameType | None = innermost
    while frame is not None and not (where and settled):
        user = not is_library(frame)
        this = frame.f_locals.get("self")
        if isinstance(this, _KERAS) and not settled:
            calling = frame.f_code.co_name in _CALLING and isinstance(this, keras.layers.Layer)
            in_call = calling and owner in (None, this)
            settled = calling or (user and owner is not None)
            owner = owner if settled and not in_call else this
        if user:
            where = where or line_of(frame)
            settled = settled or owner is not None
        frame = frame.f_back
    return where, owner, in_call
