"""The whole state of a Keras trial: every variable that training changes, found without its author's help.

Weights and optimizers are the easy part. A mask of dropout comes from a seed generator's counter, a mean over a step
from a metric's variables, and a `keras.random` call without a seed from a generator that no object of the trial holds.
So after the objects were walked, what the traced function captured is taken too. A forgotten variable would show as a
wrong bit after a resume, long after the mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl.errors import CheckpointError, TrialDefinitionError


class WholeState:
    """All variables that training changes, in an order that is the same in every process.

    The groups, in their order: "model" (weights and seed generators), "optimizer" (all that the model or the trial
    holds), "metric", "held" (`tf.Variable`s and `tf.random.Generator`s in the attributes of the trial, the model or its
    layers, such as the state of a stateful LSTM),
    and "captured" (what the traced function uses and nobody holds). Within a group, variables are told apart by
    position: names are neither unique nor stable, and are only compared. Variables in `without` are left out: they are
    not training's, though an attribute holds them.
    """

    def __init__(self, model: keras.Model, trial: object, without: Iterable[Any] = ()) -> None:
        self._without = {id(variable) for variable in without}
        self._model = model
        self._trial = trial
        self._frozen: list[tuple[str, Any]] | None = None

    def groups(self) -> list[tuple[str, Any]]:
        """Returns (group, `tf.Variable`) for all that is known; complete once the training function is traced."""
        return self._frozen if self._frozen is not None else self._found(())

    def variables(self) -> list[Any]:
        """Returns the variables alone."""
        return [variable for _, variable in self.groups()]

    def complete(self) -> list[Any]:
        """Returns all variables; called while `train_step` is traced, right after it. The first call fixes the list."""
        if self._frozen is None:
            self._frozen = self._found(())
        return self.variables()

    def capture(self, graph: Any) -> bool:
        """Adds what the first traced function uses and nobody holds; tells whether there was any.

        TensorFlow says what a function uses when its trace is over, and the words of all variables are a part of it: it
        must be traced once more then.
        """
        strangers = self._strangers(graph)
        if strangers:
            self._frozen = self._found(strangers)
        return bool(strangers)

    def check_complete(self, graph: Any) -> None:
        """Raises TrialDefinitionError if a traced function uses a variable that the state does not hold.

        It can happen only if training differs from function to function, for example by a Python `if` on the batch's
        size.
        """
        strangers = sorted(v.name for v in self._strangers(graph))
        if strangers and self._frozen is not None:
            raise TrialDefinitionError(
                f"train_step uses the variable{'s' * (len(strangers) > 1)} {', '.join(strangers)} for some batches "
                "only, which a "
                "checkpoint could not hold. Create all variables in build_model, or keep them as attributes of the "
                "model or the trial."
            )

    def _strangers(self, graph: Any) -> list[Any]:
        known = {id(variable) for variable in self.variables()} | self._without
        return [variable for variable in graph.variables if id(variable) not in known]

    def optimizers(self) -> list[keras.optimizers.Optimizer]:
        """Returns the optimizers that the model or the trial holds, in the order in which they are found."""
        return list(_unique(_optimizers(self._model, self._trial)))

    def header(self) -> list[dict[str, Any]]:
        """Returns one plain dict per variable: group, path (without counters), dtype, shape."""
        return [header_entry(group, variable) for group, variable in self.groups()]

    def arrays(self) -> list[np.ndarray[Any, Any]]:
        """Returns every variable's value, which later assignments leave as it is; not to be written to.

        It is the value where it lies: copying 100 MB, as `variable.numpy()` does, takes as long as writing them.
        """
        return [np.asarray(variable.read_value()) for variable in self.variables()]

    def restore(self, header: list[dict[str, Any]], arrays: list[Any], *, only: Iterable[str] | None = None) -> None:
        """Sets every variable to the value of the same position; compares all headers before the first is set.

        Args:
          header: as `header()` returned it when the arrays were saved.
          arrays: as `arrays()` returned them.
          only: the groups to restore, all if None. Before the training function is traced, "model" exists alone.

        Raises:
          CheckpointError: if number, names, dtypes or shapes differ; nothing is changed then.
        """
        wanted = set(only) if only is not None else None
        mine = [
            (entry, v)
            for entry, (_, v) in zip(self.header(), self.groups(), strict=True)
            if wanted is None or entry["group"] in wanted
        ]
        theirs = [
            (entry, a) for entry, a in zip(header, arrays, strict=True) if wanted is None or entry["group"] in wanted
        ]
        check_fit([entry for entry, _ in mine], [entry for entry, _ in theirs])
        for (_, variable), (_, array) in zip(mine, theirs, strict=True):
            variable.assign(array)

    def adopt(self, header: list[dict[str, Any]], arrays: list[Any], group: str) -> None:
        """Sets the variables of one group, "model" or "optimizer", but for those that belong to a trial alone.

        Those are the seed generators' and the optimizers' learning rates: seeds and hyperparameters are the trial's.

        Raises:
          CheckpointError: as `restore` does.
        """
        own = self._own()
        mine = [(header_entry(group, v), v) for it, v in self.groups() if it == group]
        theirs = [(entry, a) for entry, a in zip(header, arrays, strict=True) if entry["group"] == group]
        check_fit([entry for entry, _ in mine], [entry for entry, _ in theirs])
        for (_, variable), (_, array) in zip(mine, theirs, strict=True):
            if id(variable) not in own:
                variable.assign(array)

    def _own(self) -> set[int]:
        weights = {id(raw(v)) for v in self._model.weights}
        own = {id(raw(v)) for v in self._model.variables} - weights
        rates = [getattr(optimizer, "learning_rate", None) for optimizer in self.optimizers()]
        return own | {id(raw(rate)) for rate in rates if isinstance(rate, keras.Variable)}

    def _found(self, captured: Iterable[Any]) -> list[tuple[str, Any]]:
        found = [("model", v) for v in map(raw, self._model.variables)]
        found += [("optimizer", raw(v)) for optimizer in self.optimizers() for v in optimizer.variables]
        found += [("metric", raw(v)) for v in self._model.metrics_variables]
        found += [("held", v) for holder in (self._trial, *_layers(self._model)) for v in _held(holder)]
        found += [("captured", v) for v in sorted(captured, key=_natural)]
        return [pair for pair in _unique(found, key=lambda pair: id(pair[1])) if id(pair[1]) not in self._without]


def header_entry(group: str, variable: Any) -> dict[str, Any]:
    """Returns what a checkpoint says of a variable besides its value: group, path (without counters), dtype, shape."""
    return {"group": group, "path": stable_path(variable), "dtype": variable.dtype.name, "shape": list(variable.shape)}


def check_fit(mine: Sequence[dict[str, Any]], theirs: Sequence[dict[str, Any]]) -> None:
    """Raises CheckpointError at the first variable that differs between a model and a checkpoint."""
    for position in range(max(len(mine), len(theirs))):
        here = mine[position] if position < len(mine) else None
        there = theirs[position] if position < len(theirs) else None
        if here != there:
            raise CheckpointError(misfit(position, here, there))


def misfit(position: int, here: dict[str, Any] | None, there: dict[str, Any] | None) -> str:
    """Returns the message for a variable that is another one in the checkpoint (`there`); None stands for none."""
    return (
        f"variable {position} of the checkpoint does not fit this model:\n  checkpoint: {_shown(there)}\n"
        f"  model:      {_shown(here)}\nThe model definition or its hyperparameters differ from those that were saved."
    )


def raw(variable: Any) -> Any:
    """Returns the `tf.Variable` within a Keras variable."""
    return variable.value if isinstance(variable, keras.Variable) else variable


# A scope that is entered again while a function is traced has two of them: dense_1_1.
_COUNTERS = re.compile(r"(_\d+)+(?=/|:|$)")


def stable_path(variable: Any) -> str:
    """Returns a variable's name without the counters that depend on what else the process has made."""
    return _COUNTERS.sub("", variable.name.split(":")[0])


def _natural(variable: Any) -> list[Any]:
    """Sorts `seed_9` before `seed_10`, whatever number the process has come to."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", variable.name)]


def _shown(entry: dict[str, Any] | None) -> str:
    return "nothing" if entry is None else "{group} {path}, {dtype}, {shape}".format(**entry)


def _unique(items: Iterable[Any], key: Any = id) -> Iterator[Any]:
    seen = set()
    for item in items:
        if key(item) not in seen:
            seen.add(key(item))
            yield item


def _optimizers(*holders: object) -> Iterator[keras.optimizers.Optimizer]:
    for value in (value for holder in holders for value in _leaves(holder)):
        if isinstance(value, keras.optimizers.Optimizer):
            yield value


def _layers(layer: keras.layers.Layer) -> Iterator[keras.layers.Layer]:
    """A layer and all that its attributes hold, however deep: outer ones first, each once."""
    pending, seen = [layer], {id(layer)}
    while pending:
        layer = pending.pop()
        yield layer
        inner = [it for it in _unique(_leaves(layer)) if isinstance(it, keras.layers.Layer) and id(it) not in seen]
        seen |= {id(it) for it in inner}
        pending += reversed(inner)


def _held(holder: object) -> Iterator[Any]:
    for value in _leaves(holder):
        if isinstance(value, tf.Variable):
            yield value
        elif isinstance(value, keras.Variable):
            yield raw(value)
        elif isinstance(value, tf.random.Generator):
            yield value.state


def _leaves(holder: object) -> Iterator[Any]:
    """The values of an object's attributes in the order of their creation, those in dicts, lists and tuples
    included.
    """
    pending = list(reversed(list(vars(holder).values())))
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            pending += reversed(list(value.values()))
        elif isinstance(value, (list, tuple)):
            pending += reversed(value)
        else:
            yield value
