"""(A) of the factory: explicit seeds for the seeds and random initializers among a constructor's arguments.

Each argument has a stream of its own. Layers among the arguments are adopted, and a
`Bidirectional` gets a backward layer whose seeds are not those of the forward one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import keras

from pedl.seeds import stream_seed
from pedl.trial.covering import Siblings, adopt
from pedl.trial.initializers import keyed_initializer
from pedl.trial.place import Place


def keyed_arguments(
    make: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], place: Place
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Returns the arguments to call `make` with; explicit seeds of the user's stay. To be called on borrowed ground."""
    parameters = _parameters(make)
    values = Arguments(parameters, args, kwargs)
    _adopt_layers(values, place)
    for name in {**parameters, **kwargs}:
        if name == "seed" and values.get(name) is None:
            values.put(name, place.seed("argument", name))
        elif name.endswith("initializer"):
            keyed = keyed_initializer(values.get(name), make, place.seed("argument", name))
            if keyed is not None:
                values.put(name, keyed)
    if inspect.isclass(make) and issubclass(make, keras.layers.Bidirectional):
        _add_backward_layer(values)
    return tuple(values.positional), values.keywords


class Arguments:
    """Positional and keyword arguments of a call, read and replaced by name."""

    def __init__(self, parameters: dict[str, inspect.Parameter], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.positional, self.keywords = list(args), dict(kwargs)
        named = [it.name for it in parameters.values() if it.kind in (it.POSITIONAL_ONLY, it.POSITIONAL_OR_KEYWORD)]
        self._positions = {name: index for index, name in enumerate(named[: len(args)])}
        self._defaults = {it.name: it.default for it in parameters.values()}

    def get(self, name: str) -> Any:
        """Returns what was given, else the default; `inspect.Parameter.empty` where there is neither."""
        if name in self._positions:
            return self.positional[self._positions[name]]
        return self.keywords.get(name, self._defaults.get(name, inspect.Parameter.empty))

    def put(self, name: str, value: Any) -> None:
        """Replaces an argument where it stands, or adds it by keyword."""
        if name in self._positions:
            self.positional[self._positions[name]] = value
        else:
            self.keywords[name] = value


def _parameters(make: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    if not inspect.isclass(make):
        return dict(inspect.signature(make).parameters)
    return dict(list(inspect.signature(make.__init__).parameters.items())[1:])


def _adopt_layers(values: Arguments, place: Place) -> None:
    """Keys the layers that are handed in: a wrapped layer, the cells of a stack, the layers of a `Sequential`."""
    siblings = Siblings(place)
    for value in keras.tree.flatten([values.positional, values.keywords]):
        if isinstance(value, keras.layers.Layer):
            adopt(value, siblings.place(value))


def _add_backward_layer(values: Arguments) -> None:
    """Gives a `Bidirectional` a backward copy with seeds of its own; Keras's copy repeats the forward seeds.

    They are derived from the forward seeds, so that a seed of the user's decides both.
    """
    layer = values.get("layer")
    given = values.get("backward_layer")
    if not isinstance(layer, keras.layers.Layer) or isinstance(given, keras.layers.Layer):
        return
    serialized = keras.saving.serialize_keras_object(layer)
    config = _backward_seeds(serialized["config"], ())
    name = layer.name.removeprefix("backward_")
    serialized["config"] = {**config, "go_backwards": True, "name": f"backward_{name}"}
    values.put("backward_layer", keras.saving.deserialize_keras_object(serialized))


def _backward_seeds(config: Any, path: tuple[str | int, ...]) -> Any:
    if isinstance(config, dict):
        return {
            key: stream_seed(item, "factory", "backward", *path)
            if key == "seed" and isinstance(item, int)
            else _backward_seeds(item, (*path, key))
            for key, item in config.items()
        }
    if isinstance(config, (list, tuple)):
        return [_backward_seeds(item, (*path, index)) for index, item in enumerate(config)]
    return config
