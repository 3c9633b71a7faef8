"""State that a `PyDataset` keeps from item to item: no item may move it, and what hooks move nothing else may.

Items are made ahead of training, by any number of workers, and some again after a resume: what one of them draws must
depend on its place alone. Hooks are called again, in their order, when a trial is resumed, in each process that makes
items: what they draw from must be where they left it.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf

# Not public, and nothing public tells of eager operations. tests/trial/test_sequences.py fails if they move.
from tensorflow.python.eager import context
from tensorflow.python.framework import op_callbacks

from pedl.errors import TrialDefinitionError
from pedl.trial.callers import users_line
from pedl.trial.hidden_state import DRAWING
from pedl.trial.tracked import Kept, TrackedGenerators, moved

_MOVING = re.compile(
    r"Assign\w*VariableOp|Resource(Scatter|Apply|SparseApply|StridedSliceAssign)\w*|Rng(ReadAndSkip|Skip)|"
    r"Stateful(Uniform|UniformInt|UniformFullInt|StandardNormalV2|TruncatedNormal|RandomBinomial)"
)
"""Operations that change a variable, as a draw from a `keras.random.SeedGenerator` or a `tf.random.Generator` does."""


class KeptState:
    """Watches the state around one data set, from the time that `make_data_loaders` has returned it.

    Args:
      generators: those of the model definition.
      where: the data set's name in messages.
    """

    def __init__(self, generators: TrackedGenerators, dataset: keras.utils.PyDataset, where: str) -> None:
        self._generators = generators
        self._dataset = dataset
        self._where = where
        self._left = {it.name: it for it in generators.kept()}

    @contextmanager
    def item(self, index: int) -> Iterator[None]:
        """An item is made in the `with`.

        Raises:
          TrialDefinitionError: if that moves a generator or a variable that was there before.
        """
        before = self._generators.kept()
        with _operations() as found:
            yield
        found += [self._shown(it) for it in moved(before)]
        if found:
            raise TrialDefinitionError(
                f"{self._where}[{index}] draws from or changes what is kept from item to item: "
                f"{', '.join(dict.fromkeys(found))}. Items are made ahead, by any number of workers, and again after a "
                "resume; expected that they depend on the epoch and the index alone. In __getitem__, draw from "
                "np.random or random, which pedl sets for each item, or from a generator made there: "
                "np.random.default_rng() gets a seed of the item's own, and keras.random.* takes "
                "seed=np.random.randint(2**31)."
            )

    @contextmanager
    def hook(self, name: str) -> Iterator[None]:
        """A hook runs in the `with`.

        Raises:
          TrialDefinitionError: if it draws from a generator that was drawn from elsewhere since the hook before.
        """
        others = {it.name for it in moved(self._left.values())}
        before = {it.name: it for it in self._generators.kept()}
        yield
        drawn = moved(before.values())
        shared = [self._shown(it) for it in drawn if it.name in others or it.name not in self._left]
        if shared:
            raise TrialDefinitionError(
                f"{name}() of {self._where} draws from {', '.join(shared)}, and so does something other than its hooks "
                "since make_data_loaders() has returned. A resumed trial calls the hooks again for the epochs that "
                "have passed; expected that they find their generators as they left them. Give the data set a "
                "generator of its own, made in its __init__."
            )
        own = {it.name for it in drawn}
        self._left |= {it.name: it for it in self._generators.kept() if it.name in own or it.name not in before}
        self._left = {name: it for name, it in self._left.items() if it.ref() is not None}

    def _shown(self, kept: Kept) -> str:
        names = [f"self.{name}" for name, value in vars(self._dataset).items() if value is kept.ref()]
        return " ".join([*names[:1], f"(a generator of {kept.name.split('#')[0]})"])


@contextmanager
def _operations() -> Iterator[list[str]]:
    """Yields a list that gets what is executed in this thread and moves a variable not made in the `with`, or draws
    from a kernel's stream: "AssignVariableOp (model_def.py:12)".
    """
    found: list[str] = []
    made: list[Any] = []

    def note(op: Any, inputs: Any, attrs: Any, outputs: Any, op_name: Any = None, graph: Any = None) -> None:
        if graph is not None:  # it is being traced: looked at when it is called
            return
        name = op.decode() if isinstance(op, bytes) else op
        if name == "VarHandleOp":
            made.extend(outputs)
        older = [it for it in inputs if it.dtype == tf.resource and not any(it is handle for handle in made)]
        for it in _executed(name):
            if it in DRAWING or (older and _MOVING.fullmatch(it)):
                found.append(f"{it} ({users_line(sys._getframe(1))})")

    op_callbacks.add_op_callback(note)
    try:
        yield found
    finally:
        op_callbacks.remove_op_callback(note)


@functools.lru_cache(maxsize=1024)
def _executed(name: str) -> tuple[str, ...]:
    """Returns the operations of a function, and of those that it calls; or an operation alone."""
    pending, executed = [name], dict.fromkeys([name])
    while pending:
        name = pending.pop()
        if not context.context().has_function(name):
            continue
        for node in context.context().get_function_def(name).node_def:
            called = [it.name for attr in node.attr.values() for it in (attr.func, *attr.list.func)]
            new = [it for it in (node.op, *called) if it not in executed]
            executed |= dict.fromkeys(new)
            pending += new
    return tuple(executed)
