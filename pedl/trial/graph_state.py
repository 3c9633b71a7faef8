"""The whole state of a graph: all its variables, since the session holds nothing else that training changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial import fingerprint
from pedl.trial.state import check_fit, header_entry


def graph_variables(graph: tf.Graph) -> list[Any]:
    """Returns every variable of a graph, global ones first, in the order of their creation.

    Raises:
      TrialDefinitionError: if one cannot be kept: of the kind without a resource, without a static shape, or of text.
    """
    keys = tf.compat.v1.GraphKeys
    found: dict[int, Any] = {}
    for key in (keys.GLOBAL_VARIABLES, keys.LOCAL_VARIABLES, keys.METRIC_VARIABLES):
        for variable in graph.get_collection(key):
            found.setdefault(id(variable), variable)
    for variable in found.values():
        _check_variable(variable)
    return list(found.values())


class GraphState:
    """The variables of a graph in a session.

    Args:
      session: the graph's.
      variables: (group, variable) in an order that is the same in every process.
      reads: the tensors that read them, in the same order.
    """

    def __init__(
        self, session: tf.compat.v1.Session, variables: Sequence[tuple[str, Any]], reads: Sequence[tf.Tensor]
    ) -> None:
        self._session = session
        self._variables = list(variables)
        self._reads = list(reads)
        with session.graph.as_default(), tf.compat.v1.name_scope("whole_state"):
            self._values = [tf.compat.v1.placeholder(v.dtype, v.shape) for _, v in self._variables]
            self._joint_word = fingerprint.joint_word(self._reads)
            self._words = fingerprint.words(self._reads)
            self._assign = tf.group(
                *[
                    tf.raw_ops.AssignVariableOp(resource=v.handle, value=value)
                    for (_, v), value in zip(self._variables, self._values, strict=True)
                ]
            )

    def header(self) -> list[dict[str, Any]]:
        """Returns one plain dict per variable: group, path (without counters), dtype, shape."""
        return [header_entry(group, variable) for group, variable in self._variables]

    def arrays(self) -> list[npt.NDArray[Any]]:
        """Returns a copy of every variable's value."""
        return [np.array(value) for value in self._session.run(self._reads)]

    def joint_word(self) -> npt.NDArray[np.uint8]:
        """Returns the joint word of all variables: uint8, (8,)."""
        word: npt.NDArray[np.uint8] = self._session.run(self._joint_word)
        return word

    def words(self) -> npt.NDArray[np.uint8]:
        """Returns the word of each variable: uint8, (variables, 8)."""
        words: npt.NDArray[np.uint8] = self._session.run(self._words)
        return words

    def assign(self, arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Sets every variable."""
        self._session.run(self._assign, dict(zip(self._values, arrays, strict=True)))

    def restore(self, header: list[dict[str, Any]], arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Sets every variable to the value of the same position; compares all headers before the first is set.

        Raises:
          CheckpointError: if number, names, dtypes or shapes differ; nothing is changed then.
        """
        check_fit(self.header(), header)
        self.assign(arrays)

    def adopt(self, header: list[dict[str, Any]], arrays: Sequence[npt.NDArray[Any]]) -> None:
        """Sets the variables of the model and of its optimizer, and leaves local ones as they are.

        Raises:
          CheckpointError: as `restore` does.
        """
        groups = ("model", "optimizer")
        check_fit(*([it for it in entries if it["group"] in groups] for entries in (self.header(), header)))
        theirs = iter([array for it, array in zip(header, arrays, strict=True) if it["group"] in groups])
        self.assign(
            [
                next(theirs) if it["group"] in groups else array
                for it, array in zip(self.header(), self.arrays(), strict=True)
            ]
        )


def _check_variable(variable: Any) -> None:
    name = variable.op.name
    if not hasattr(variable, "handle"):
        raise TrialDefinitionError(
            f"the variable {name} is made with use_resource=False (a {variable.op.type}), whose reads and writes have "
            "no order. Leave use_resource out."
        )
    if not variable.shape.is_fully_defined():
        raise TrialDefinitionError(
            f"the variable {name} has shape {variable.shape}, expected one that is known beforehand: a checkpoint is "
            "compared with it."
        )
    if variable.dtype == tf.string:
        raise TrialDefinitionError(f"the variable {name} holds text, expected numbers.")
