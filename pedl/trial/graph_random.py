"""Ordinary random operations of a graph, keyed by place and batch instead of a stream that runs on.

While a trial's graph is built, the functions behind `tf.random.*` and `tf.nn.dropout` make stateless twins of the
operations that they would have made. A twin draws from Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy
as 1, 2, 3", 2011) with

    key      64 bits keyed by (trial seed, name path, explicit op seed); within loops mixed with the loops' counters
    counter  (block, batch)

and the batch is fed. So nothing has a state that could be lost: any batch can be drawn again, initial values (batch 0)
do not depend on what else is in the graph, and two dropouts in two branches of `tf.cond` differ, which they do not
under `tf.compat.v1.set_random_seed` (TensorFlow counts the seeds of each branch from 0).

Functions whose body is shared by several calls (`tf.function`, `Dataset.map`) and vectorized bodies have no place of
their own: drawing in them is refused.
"""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import tensorflow as tf

# Not public: what `tf.random.*` calls. tests/trial/test_graph_random.py fails clearly on a TensorFlow that moved it.
from tensorflow.python.framework import random_seed
from tensorflow.python.ops import control_flow_v2_func_graphs as branches
from tensorflow.python.ops import gen_random_ops

from pedl import seeds
from pedl.errors import TrialDefinitionError
from pedl.trial.graph_twins import TWINS, mixed
from pedl.trial.patches import Patches

VALIDATION = 2**63
"""Batch 0 of validation; training counts from 1, initial values have 0."""


class KeyedRandom:
    """The random operations of one graph.

    Args:
      graph: the trial's graph.
      trial_seed: 0 .. 2**31 - 1.

    Attributes:
      counter: the tensor to feed, uint64, (2,): 0 and the batch. `training_batch` and `validation_batch` give values.
    """

    def __init__(self, graph: tf.Graph, trial_seed: int) -> None:
        self._graph = graph
        self._trial_seed = trial_seed
        self._used: Counter[tuple[Any, ...]] = Counter()
        self._place: tuple[str | int, ...] | None = None
        with graph.as_default():
            self.counter = tf.compat.v1.placeholder_with_default(np.zeros(2, np.uint64), [2], name="random_counter")

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Replaces TensorFlow's functions while it lasts."""
        global _current
        patches = Patches()
        patches.replace(random_seed, "get_seed", self._get_seed(random_seed.get_seed))
        for name, twin in TWINS.items():
            patches.replace(gen_random_ops, name, self._twin(name, getattr(gen_random_ops, name), twin))
        before, _current = _current, self
        try:
            yield
        finally:
            _current = before
            patches.undo()

    @contextmanager
    def at(self, place: tuple[str | int, ...]) -> Iterator[None]:
        """Keys what is drawn while it lasts by `place` instead of by its name path."""
        before, self._place = self._place, place
        try:
            yield
        finally:
            self._place = before

    def _get_seed(self, original: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def get_seed(op_seed: Any) -> Any:
            if not self._is_ours():
                return original(op_seed)
            return (None, None) if op_seed is None else (0, op_seed)

        return get_seed

    def _twin(self, name: str, original: Callable[..., Any], twin: Callable[..., Any]) -> Callable[..., Any]:
        def make(*args: Any, seed: Any = 0, seed2: Any = 0, **kwargs: Any) -> Any:
            if not self._is_ours():
                return original(*args, seed=seed, seed2=seed2, **kwargs)
            with tf.compat.v1.name_scope(kwargs.pop("name", None) or name) as scope:
                return twin(*self._key_and_counter(scope, seed2), *args, **kwargs)

        return make

    def _is_ours(self) -> bool:
        """Whether the default graph is the trial's, or a function within it; elsewhere TensorFlow draws as usual."""
        if tf.executing_eagerly():
            return False
        graph = tf.compat.v1.get_default_graph()
        while graph is not self._graph and hasattr(graph, "outer_graph"):
            graph = graph.outer_graph
        return graph is self._graph

    def _key_and_counter(self, scope: str, op_seed: Any) -> tuple[tf.Tensor, tf.Tensor]:
        graph = tf.compat.v1.get_default_graph()
        path: tuple[Any, ...] = ("factory", *self._place) if self._place else ("path", *_path(graph), scope)
        if op_seed is not None:
            path = (*path, "seed", int(op_seed))
        # Names can coincide where a scope was entered again by its full name.
        self._used[path] += 1
        if self._used[path] > 1:
            path = (*path, "again", self._used[path] - 1)
        key = tf.constant([seeds.graph_key(self._trial_seed, *path)], tf.uint64)
        for loop_counter in _loop_counters(graph, scope):
            key = mixed(key, loop_counter, self.counter)
        return key, self.counter


def training_batch(number: int) -> Any:
    """Returns the counter of a training batch, counted from 0."""
    return np.array([0, number + 1], np.uint64)


def validation_batch(number: int) -> Any:
    """Returns the counter of a validation batch, counted from 0: the same in every validation."""
    return np.array([0, VALIDATION + number], np.uint64)


_current: KeyedRandom | None = None


def current(asked_for: str) -> KeyedRandom:
    """Returns the random operations of the graph that is being built; `asked_for` names the caller in the error.

    Raises:
      TrialDefinitionError: if none is.
    """
    if _current is None:
        raise TrialDefinitionError(
            f"{asked_for} was called where no graph is built; expected within build_graph() of a TensorFlowTrial. In a "
            "Keras model use self.seeded.layers."
        )
    return _current


_PROCESS_WIDE_NUMBER = re.compile(r"_\d+$")


def _path(graph: Any) -> tuple[str, ...]:
    """The names of the functions around, outermost first, without the number that counts all of the process."""
    names: list[str] = []
    while hasattr(graph, "outer_graph"):
        names.insert(0, _PROCESS_WIDE_NUMBER.sub("", graph.name))
        graph = graph.outer_graph
    return tuple(names)


def _loop_counters(graph: Any, scope: str) -> list[tf.Tensor]:
    """The counters of the loops around, outermost first.

    Raises:
      TrialDefinitionError: if a function around is neither a branch nor the body of a loop.
    """
    counters: list[tf.Tensor] = []
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_globals.get("__name__") == "tensorflow.python.ops.parallel_for.control_flow_ops":
            raise _no_place(scope, "tf.vectorized_map", "tf.map_fn")
        frame = frame.f_back
    while hasattr(graph, "outer_graph"):
        if isinstance(graph, branches.WhileBodyFuncGraph | branches.WhileCondFuncGraph):
            # The first input of both functions; TensorFlow adds it for the sake of gradients.
            counters.insert(0, graph.get_operations()[0].outputs[0])
        elif not isinstance(graph, branches.CondBranchFuncGraph):
            raise _no_place(scope, f"the function {graph.name!r}", "plain Python")
        graph = graph.outer_graph
    return counters


def _no_place(scope: str, where: str, instead: str) -> TrialDefinitionError:
    return TrialDefinitionError(
        f"build_graph() draws random numbers ({scope.rstrip('/')}) within {where}, whose body serves several calls, "
        f"which would all draw the same. Use {instead} there: a graph is compiled as it is."
    )
