"""Which random layers and initializers depend on who drew before them, and who set a global seed.

    with Audit() as audit:
        model = trial.build_model(hparams)
        ...trace it...
    findings = audit.findings(model)

The tripwire decides: a layer or initializer that drew from a running stream while it was made, built or traced. A walk
over the model explains, and finds what was made before the audit began. It may begin before the seeds are set and the
model definition is imported, and then sees what that does too. All of it is reproducible through the trial's
global seeds; what the factory makes is independent of order as well. The audit changes no bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from types import TracebackType
from typing import Any

import keras
import numpy as np

from pedl.trial.covering import is_covered
from pedl.trial.generators import get_global_state
from pedl.trial.initializers import is_keras_layer
from pedl.trial.tripwire import Draw, Tripwire

Finding = dict[str, str]
"""{"kind", "where", "message"}; where is "model_def.py:12", "layer 'dense'", or "" where nobody knows.

Kinds: "running_stream" (a layer or initializer took its seed from a running stream), "draws_in_call" (a layer draws
while it is called), "draw" (the user's code drew), "global_seed" (the user's code set one), "shared_stream" (two
variables or generators have the same seed).
"""


class Audit:
    """Watches `random`, `np.random` and Keras's global generator while a model is built and traced."""

    def __init__(self) -> None:
        self._tripwire = Tripwire()
        self._unseen: list[str] = []

    def __enter__(self) -> Audit:
        self._tripwire.set()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._tripwire.lift()
        before, after = self._tripwire.started_from, get_global_state()
        seen = {draw.source for draw in self._tripwire.draws}
        seen |= {source for it in self._tripwire.seedings for source in _SETS.get(it.function, ())}
        self._unseen = [source for source in after if after[source] != before[source] and source not in seen]

    def findings(self, model: Any) -> list[Finding]:
        """Returns what was noticed, as plain dicts, each thing once; an empty list if nothing depends on order.

        Args:
          model: the `keras.Model` that was built; None where a trial has none.
        """
        draws = self._tripwire.draws
        found = [
            _finding("global_seed", it.where, f"the model definition calls {it.function}(): {_WHY_NO_GLOBAL_SEED}")
            for it in self._tripwire.seedings
        ]
        found += _in_call([it for it in draws if it.in_call])
        made = [it for it in draws if not it.in_call]
        if model is not None:
            found += list(_running(model, {id(it.owner): it for it in made if it.owner is not None}))
        found += [_user_draw(it.where, it.source) for it in made if it.owner is None and it.where]
        found += [_user_draw("", source) for source in self._unseen]
        if model is not None:
            found += _shared(model)
        return list({(it["kind"], it["where"], it["message"]): it for it in found}.values())


_SETS = {
    "random.seed": ("random",),
    "np.random.seed": ("np.random",),
    "keras.utils.set_random_seed": ("random", "np.random"),
}

_WHY_NO_GLOBAL_SEED = (
    "pedl has seeded everything from the trial seed, and this makes trials with different seeds draw the same. "
    "Leave it out; pedl.trial.get_trial_seed() is there where a seed is needed."
)


def _finding(kind: str, where: str, message: str) -> Finding:
    return {"kind": kind, "where": where, "message": f"{where}: {message}" if where else message}


def _in_call(draws: list[Draw]) -> list[Finding]:
    """Returns a finding for each layer and line; Keras's global generator takes its own seed from `random`."""
    grouped: dict[tuple[str, int], tuple[Any, set[str]]] = {}
    for draw in draws:
        where = draw.where or f"layer {draw.owner.name!r}"
        grouped.setdefault((where, id(draw.owner)), (draw.owner, set()))[1].add(draw.source)
    return [
        _finding(
            "draws_in_call",
            where,
            f"{type(owner).__name__} {owner.name!r} draws from {' and '.join(sorted(sources))} while it is called or "
            "traced: reproducible, but not independent of what else draws. Where that matters, hold a "
            "keras.random.SeedGenerator in the layer and pass it as the seed, or use another layer.",
        )
        for (where, _), (owner, sources) in grouped.items()
    ]


def _user_draw(where: str, source: str) -> Finding:
    who = "the model definition" if where else "something that took its function before the audit began"
    return _finding(
        "draw",
        where,
        f"{who} draws from {source} while the model is made: reproducible, but it moves whatever draws later. "
        "np.random.default_rng() gets a seed of its own from pedl.",
    )


def _running(model: Any, drawn: dict[int, Draw]) -> Iterator[Finding]:
    """Yields a finding for each outermost layer of the model that took something from a running stream."""
    layers, done = [model], set()
    while layers:
        layer = layers.pop(0)
        if id(layer) in done:
            continue
        done.add(id(layer))
        unseeded = [] if is_covered(layer) else _unseeded(layer)
        draw = None if is_covered(layer) else drawn.get(id(layer))
        draw = draw or next((drawn[id(it)] for it in unseeded if id(it) in drawn), None)
        if draw is not None or unseeded:
            yield _running_stream(layer, draw)
        else:
            layers += layer._flatten_layers(include_self=False, recursive=False)


def _running_stream(layer: Any, draw: Draw | None) -> Finding:
    title = type(layer).__name__
    instead = f"self.seeded.layers.{title}(..." if is_keras_layer(type(layer)) else f"self.seeded({title}, ..."
    where = draw.where if draw is not None and draw.where else f"layer {layer.name!r}"
    source = f" ({draw.source})" if draw is not None else ""
    return _finding(
        "running_stream",
        where,
        f"{title} {layer.name!r} took a seed from a running stream{source}: reproducible, but moved by whatever is "
        f'made or drawn before it. To key it by name: {instead}, name="...")',
    )


def _unseeded(layer: Any) -> list[Any]:
    """Returns the initializers and generators of a layer that had no explicit seed, neither the user's nor pedl's."""
    kinds = (keras.initializers.Initializer, keras.random.SeedGenerator)
    values = [value for value in vars(layer).values() if isinstance(value, kinds)]
    return [value for value in values if value.get_config().get("seed", 0) is None]


def _shared(model: Any) -> list[Finding]:
    """Returns a finding for each random variable or generator that starts like another."""
    first: dict[tuple[str, str], str] = {}
    found = []
    for what, name, digest in _streams(model):
        twin = first.setdefault((what, digest), name)
        if twin != name:
            found.append(
                _finding(
                    "shared_stream",
                    f"layer {name!r}",
                    f"{what} like those of {twin!r}: an explicit integer seed gives the same at each use. Give each "
                    "its own seed, or none and make the layers with self.seeded.",
                )
            )
    return found


def _streams(model: Any) -> Iterator[tuple[str, str, str]]:
    layers = {id(it): it for it in model._flatten_layers()}
    for index, layer in enumerate(layers.values()):
        values = vars(layer).values()
        for value in {id(it): it for it in values if isinstance(it, keras.random.SeedGenerator)}.values():
            state = keras.ops.convert_to_numpy(value.state).tobytes()
            yield "its random numbers are", f"{layer.path or layer.name}", hashlib.sha256(state).hexdigest()
        if not any("seed" in it.get_config() for it in values if isinstance(it, keras.initializers.Initializer)):
            continue
        for variable in (*layer._trainable_variables, *layer._non_trainable_variables):
            content = keras.ops.convert_to_numpy(variable)
            if content.dtype.kind == "f" and len(np.unique(content)) > 2:
                digest = hashlib.sha256(f"{content.shape}".encode() + content.tobytes()).hexdigest()
                yield "its initial values are", f"{variable.path or index}", digest
