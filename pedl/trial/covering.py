"""(B) of the factory: a layer and all it holds are built on ground that is keyed by their place.

`build` of the instance is wrapped, as Keras itself does it: no class is derived and no configuration changes, so a
model is saved, cloned and copied as if it had been made without pedl. Layers that the factory did not make itself
(those that are wrapped, stacked, or created by a class of the user's) are *adopted* on the way: what they drew from a
running stream is replaced by what belongs to their place. Each gets a place under that which holds it, by its name
without Keras's counter, and its ordinal among those of the same name.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import keras

from pedl.seeds import stream_seed
from pedl.trial.generators import borrowed
from pedl.trial.initializers import keyed_initializer
from pedl.trial.place import Place


class Siblings:
    """Gives places to layers that are held together, in their order."""

    def __init__(self, holder: Place):
        self._holder = holder
        self._counts: dict[str, int] = {}

    def place(self, layer: Any) -> Place:
        """Returns the place of the next layer; "dense_7" and "dense" are both "dense", told apart by their order."""
        name = re.sub(r"(_\d+)+$", "", layer.name)
        ordinal = self._counts[name] = self._counts.get(name, -1) + 1
        return self._holder.within("child", name, ordinal)


def is_covered(layer: Any) -> bool:
    """Returns whether a factory made or adopted the layer."""
    return getattr(layer.build, "covered_by_pedl", False)


def cover(layer: Any, place: Place) -> None:
    """Makes `layer` build on ground keyed by `place`, and adopts the layers that it holds."""
    _wrap_build(layer, place)
    _adopt_held(layer, place)


def adopt(layer: Any, place: Place, holder: Any = None) -> None:
    """Covers a layer that the factory did not make, and replaces what it drew from a running stream.

    Explicit seeds of the user's stay, as do the weights of a layer that is built. A layer that is covered keeps its
    place.

    Args:
      layer: what another layer wraps, stacks, or has made.
      place: where it stands.
      holder: the layer that made it, if one did. Keras's augmentation layers hand their own seed down to the layers
        that they combine; those are told apart here.
    """
    if is_covered(layer):
        return
    handed_down = _generator_seeds(holder) if holder is not None else set()
    with borrowed(place.seed("construct"), of_a_layer=True):
        for name, value in list(vars(layer).items()):
            if isinstance(value, keras.initializers.Initializer) and not layer.built:
                keyed = keyed_initializer(value, type(layer), place.seed("argument", name))
                if keyed is not None:
                    setattr(layer, name, keyed)
            elif isinstance(value, keras.random.SeedGenerator):
                _adopt_generator(layer, name, value, place, handed_down)
    cover(layer, place)


def _adopt_held(holder: Any, place: Place) -> None:
    siblings = Siblings(place)
    for layer in holder._flatten_layers(include_self=False, recursive=False):
        adopt(layer, siblings.place(layer), holder)


def _wrap_build(layer: Any, place: Place) -> None:
    original = layer.build

    @functools.wraps(original)
    def build(*args: Any, **kwargs: Any) -> None:
        with borrowed(place.seed("build"), of_a_layer=True):
            original(*args, **kwargs)
        _adopt_held(layer, place)  # What `build` has created may be built later, in `call`.

    build.covered_by_pedl = True  # type: ignore[attr-defined]
    layer.build = build


def _adopt_generator(layer: Any, name: str, generator: Any, place: Place, handed_down: set[int]) -> None:
    explicit = generator.get_config()["seed"]
    if explicit is None:
        seed = place.seed("argument", name)
        if getattr(layer, "seed", seed) is None:
            layer.seed = seed  # So that the configuration, and a model saved with it, has the seed too.
    elif explicit in handed_down:
        seed = stream_seed(explicit, "factory", "handed down", *place.path[-2:])
    else:
        return
    generator.state.assign([seed, 0])


def _generator_seeds(layer: Any) -> set[int]:
    generators = [value for value in vars(layer).values() if isinstance(value, keras.random.SeedGenerator)]
    return {seed for it in generators if (seed := it.get_config()["seed"]) is not None}
