"""The word of everything that a batch computes, operation by operation: which of them gives another result?

Words of two executions are compared in the order of the graph, in which an operation comes after its inputs: the first
that differs has equal inputs, and gave another result. Operations inside loops and branches of a graph are seen by
what the loop or the branch gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import tensorflow as tf

from pedl.trial import fingerprint

Watched = list[tuple[str, str]]
"""(operation, word of a result of it in hexadecimal), in the order of the graph."""

_GIVEN = ("Placeholder", "PlaceholderWithDefault", "Const", "VarHandleOp", "Fingerprint", "NoOp")
"""What computes nothing, and our own words."""


def results(operations: Iterable[Any]) -> Iterator[tuple[str, tf.Tensor]]:
    """Yields the name and kind of each operation, and each result of it that is numbers."""
    for operation in operations:
        # A branch that is not taken has no result (control flow of compat.v1).
        if operation.type in _GIVEN or operation._get_control_flow_context() is not None:
            continue
        for output in operation.outputs:
            if output.dtype.is_floating or output.dtype.is_integer or output.dtype.is_bool:
                yield f"{operation.name} ({operation.type})", output


def needed_for(*targets: Any) -> list[Any]:
    """Returns the operations of a graph that run when `targets` do, in the graph's order."""
    found: set[Any] = set()
    pending = list(targets)
    while pending:
        operation = pending.pop()
        if operation not in found:
            found.add(operation)
            pending += [*(tensor.op for tensor in operation.inputs), *operation.control_inputs]
    return [operation for operation in targets[0].graph.get_operations() if operation in found]


def words(operations: Iterable[Any]) -> tuple[list[str], tf.Tensor]:
    """Adds to the graph what computes the word of each result; returns their names, and the words: uint8, (n, 8)."""
    pairs = list(results(list(operations)))
    return [name for name, _ in pairs], fingerprint.words([result for _, result in pairs])


def watched(names: list[str], values: Any) -> Watched:
    """Joins names with the words that were computed."""
    return [(name, value.tobytes().hex()) for name, value in zip(names, values, strict=True)]
