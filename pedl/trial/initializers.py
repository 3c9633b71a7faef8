"""How an initializer gets a keyed seed, which depends on what will call it.

An initializer with an integer seed gives the same values at each call, so it fits where a class calls it once, as
Keras's classes do with each of theirs. Attention layers clone one for query, key and value, and classes of the user's
own may call one twice or clone it: they get an initializer *without* an explicit seed that was drawn on keyed ground,
and clones of it draw again. `ReversibleEmbedding` with weights that are not tied calls its only one twice: a seed
generator makes the two calls differ.
"""

from __future__ import annotations

import inspect
import weakref
from typing import Any

import keras

_CLONING = (keras.layers.MultiHeadAttention, keras.layers.GroupQueryAttention)
_CALLING_TWICE = tuple(it for name in ("ReversibleEmbedding",) if (it := getattr(keras.layers, name, None)))

own_initializers: weakref.WeakSet[Any] = weakref.WeakSet()
"""Initializers that a factory made. Their seeds are no wish of the user's: a layer of the factory gives them others, so
that two layers may share one."""


def keyed_initializer(value: Any, used_by: Any, seed: int) -> Any:
    """Returns an initializer like `value` with a keyed seed, or None where `value` is to be left as it is.

    Args:
      value: what Keras takes as an initializer: an object, a class, a name, a configuration, or anything else.
      used_by: the class that will call it.
      seed: 32 bits.
    """
    called_once = is_keras_layer(used_by) and not issubclass(used_by, _CLONING)
    if not isinstance(value, keras.initializers.Initializer):
        if not called_once or not (isinstance(value, (str, dict)) or inspect.isclass(value)):
            return None
        value = keras.initializers.get(value)
        if not isinstance(value, keras.initializers.Initializer):
            return None
    config = value.get_config()
    if "seed" not in config or (config["seed"] is not None and value not in own_initializers):
        return None
    if inspect.isclass(used_by) and issubclass(used_by, _CALLING_TWICE):
        return type(value).from_config({**config, "seed": keras.random.SeedGenerator(seed)})
    return type(value).from_config({**config, "seed": seed if called_once else None})


def is_keras_layer(make: Any) -> bool:
    """Returns whether `make` is one of the classes of `keras.layers` itself, not one derived from them."""
    return inspect.isclass(make) and getattr(keras.layers, make.__name__, None) is make
