"""The factory that every trial has as `self.seeded`: layers and initializers keyed by place, not by turn.

    x = self.seeded.layers.Dense(64, name="head")(x)
    x = self.seeded.layers.Dropout(0.5, name="drop")(x)
    with self.seeded.scope("block1"):
        x = self.seeded(MyLayer, 64, name="mine")(x)

A *place* is the scopes, the kind and the name of what is made; without a name, its class and how many unnamed ones of
that class this factory has made in the scope. Every seed is derived from (trial seed, place, argument), in two ways:

(A) explicitly: every `seed` and every random initializer among the arguments of a Keras class gets a seed of its own
    (pedl.trial.arguments), which the model's configuration keeps: a saved model reloads with plain Keras;
(B) by the ground it stands on: the object is constructed, and later built, while Python's and NumPy's global generators
    are set from its place (pedl.trial.covering). That reaches initializers made inside `build`, classes of the user's
    own, what a layer wraps, and attention layers, which clone one initializer for query, key and value.

So a named layer's initial values and its dropout masks do not change when other layers are added or moved, or when
something draws from `random`, `np.random` or `keras.random` in between. An explicit seed of the user's always wins.

Not covered: what draws at call time from a global generator (`keras.layers.AugMix` chooses operations by `random` while
it is traced), `keras.random.*(seed=None)` and `tf.random.*` inside a layer, layers created inside `call`, and layers
added to a model after the factory has made it. They are reproducible through the trial's global seeds, but not
independent of their neighbours; the audit names them.
"""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import ModuleType
from typing import Any

import keras

from pedl.errors import TrialDefinitionError
from pedl.trial.arguments import keyed_arguments
from pedl.trial.covering import cover
from pedl.trial.generators import borrowed
from pedl.trial.graph_draws import GraphDraws
from pedl.trial.initializers import own_initializers
from pedl.trial.place import Place


class SeedFactory(GraphDraws):
    """Makes layers and initializers whose seeds depend on the trial seed and their place alone.

    Attributes:
      layers: every name of `keras.layers`; classes take what Keras's take.
      initializers: every name of `keras.initializers`; classes take a `name` besides.

    Args:
      trial_seed: 0 .. 2**31 - 1.
      random_seed: what masks and noise follow, if it is another seed than initial values do.
    """

    def __init__(self, trial_seed: int, random_seed: int | None = None):
        self._root = Place(trial_seed, random_seed=random_seed)
        self._scope: tuple[str, ...] = ()
        self._taken: dict[tuple[str | int, ...], str] = {}
        self._unnamed: dict[tuple[str | int, ...], int] = {}
        self.layers = Namespace(self, keras.layers, keras.layers.Layer)
        self.initializers = Namespace(self, keras.initializers, keras.initializers.Initializer)

    def __call__(self, make: Callable[..., Any], /, *args: Any, name: str | None = None, **kwargs: Any) -> Any:
        """Returns `make(*args, **kwargs)`, seeded from its place.

        Args:
          make: a class of the user's, or of Keras's, or a function that makes and returns a layer.
          name: the place within the current scope. A layer that takes a `name` gets it, behind those of the scopes:
            "block1_mine", as Keras wants all names in a model to differ.

        Raises:
          TrialDefinitionError: if the name was used in this scope before, or `make` is an object rather than a class.
        """
        _check_callable(make)
        place = self._place(make, name)
        if name is not None and _takes_name(make):
            kwargs["name"] = "_".join((*self._scope, name))
        with borrowed(place.seed("construct"), of_a_layer=True):
            args, kwargs = keyed_arguments(make, args, kwargs, place)
            made = make(*args, **kwargs)
        if isinstance(made, keras.layers.Layer):
            cover(made, place)
        elif isinstance(made, keras.initializers.Initializer):
            own_initializers.add(made)
        return made

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        """Nests the names of what is made inside: the same name may be used once in each scope."""
        _check_name(name)
        outer = self._scope
        self._scope = (*outer, name)
        try:
            yield
        finally:
            self._scope = outer

    def _place(self, make: Callable[..., Any], name: str | None) -> Place:
        kind = "initializer" if _is_class(make, keras.initializers.Initializer) else "layer"
        what = str(getattr(make, "__name__", type(make).__name__))
        # Only layers draw masks and noise; the seed of an initializer is one of initial values.
        root = self._root if kind == "layer" else replace(self._root, random_seed=None)
        scope = root.within(*(part for name_ in self._scope for part in ("scope", name_)))
        if name is None:
            nameless = scope.within(kind, "unnamed", what)
            ordinal = self._unnamed[nameless.path] = self._unnamed.get(nameless.path, -1) + 1
            return nameless.within(ordinal)
        _check_name(name)
        place = scope.within(kind, "named", name)
        if place.path in self._taken:
            inside = f"scope {'/'.join(self._scope)!r}" if self._scope else "the outermost scope"
            raise TrialDefinitionError(
                f"self.seeded made a {self._taken[place.path]} named {name!r} in {inside} before, and is asked for "
                f"a {what} of the same name; both would have the same seeds. Give one another name, or a scope of its "
                'own: with self.seeded.scope("block2"): ...'
            )
        self._taken[place.path] = what
        return place


class Namespace:
    """The names of a Keras module; its classes are made by the factory, the rest is Keras's own."""

    def __init__(self, factory: SeedFactory, module: ModuleType, base: type):
        self._factory = factory
        self._module = module
        self._base = base

    def __getattr__(self, name: str) -> Any:
        """Raises AttributeError, with the nearest names, where Keras has no such name."""
        if not hasattr(self._module, name):
            near = difflib.get_close_matches(name, dir(self._module), n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise AttributeError(f"Keras {keras.__version__} has no {_title(self._module)}.{name}{hint}")
        member = getattr(self._module, name)
        if not _is_class(member, self._base):
            return member
        return functools.update_wrapper(functools.partial(self._factory, member), member)

    def __dir__(self) -> list[str]:
        return dir(self._module)


def _title(module: ModuleType) -> str:
    return f"keras.{module.__name__.rpartition('.')[2]}"


def _is_class(member: Any, base: type) -> bool:
    return inspect.isclass(member) and issubclass(member, base)


def _takes_name(make: Callable[..., Any]) -> bool:
    if _is_class(make, keras.initializers.Initializer):
        return False
    parameters = inspect.signature(make.__init__ if inspect.isclass(make) else make).parameters.values()
    return any(it.name == "name" or it.kind is it.VAR_KEYWORD for it in parameters)


def _check_callable(make: Any) -> None:
    if not callable(make) or isinstance(make, (keras.layers.Layer, keras.initializers.Initializer)):
        raise TrialDefinitionError(
            f"self.seeded(...) was given {make!r}, an object of type {type(make).__name__}; expected a class to make "
            'one from, followed by its arguments, for example: self.seeded(MyLayer, 64, name="mine")'
        )


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name or "/" in name:
        raise TrialDefinitionError(
            f"self.seeded was given the name {name!r}; expected a string that is not empty and has no '/', for "
            'example: name="head"; to nest names use: with self.seeded.scope("block1"): ...'
        )
