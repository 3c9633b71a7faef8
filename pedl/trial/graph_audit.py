"""What a trial's graph must not hold: operations that draw from a stream, or keep what no checkpoint holds.

The operations themselves decide: each one that TensorFlow calls stateful must be known here to be harmless. So an
operation that a later TensorFlow adds is refused until somebody has looked at it, rather than trusted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework import op_def_registry

from pedl.errors import TrialDefinitionError
from pedl.trial.patches import Patches

_HARMLESS = frozenset(
    {
        # Variables, which are saved.
        *("VarHandleOp", "VarIsInitializedOp", "ReadVariableOp", "DestroyResourceOp", "VariableShape"),
        *("AssignVariableOp", "AssignAddVariableOp", "AssignSubVariableOp", "ResourceGather", "ResourceGatherNd"),
        # Tables whose contents are fixed when they are initialized.
        *("HashTableV2", "InitializeTableV2", "InitializeTableFromTextFileV2", "LookupTableFindV2"),
        *("LookupTableSizeV2", "AnonymousHashTable", "LookupTableExportV2", "LookupTableImportV2"),
        # Functions, whose bodies are looked through.
        *("If", "While", "Case", "StatefulPartitionedCall", "PartitionedCall", "SymbolicGradient", "For"),
        # Checks and messages.
        *("Assert", "Print", "PrintV2", "Placeholder", "CheckNumericsV2", "Abort"),
        # TensorArrays live within one call.
        *("TensorArrayV3", "TensorArrayGradV3", "TensorArrayGradWithShape", "TensorArrayCloseV3"),
    }
)

_HARMLESS_BEGINNINGS = ("ResourceApply", "ResourceSparseApply", "ResourceScatter", "ResourceStridedSliceAssign")

_INSTEAD = {
    "PyFunc": "numbers that Python draws or keeps there are in no checkpoint. Do it in make_data_loaders",
    "EagerPyFunc": "numbers that Python draws or keeps there are in no checkpoint. Do it in make_data_loaders",
    "RngReadAndSkip": "use the functions of tf.random instead of a tf.random.Generator",
}


class GraphAudit:
    """Watches a graph being built, and looks through it afterwards.

    Args:
      graph: the trial's.
    """

    def __init__(self, graph: tf.Graph) -> None:
        self._graph = graph
        self._layers: dict[int, Any] = {}
        self._keras_draws = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notes Keras layers that are called, and draws of Keras, while it lasts."""
        patches = Patches()
        call, draw = keras.layers.Layer.__call__, keras.random.SeedGenerator.next

        @functools.wraps(call)
        def noting_call(layer: Any, *args: Any, **kwargs: Any) -> Any:
            self._layers[id(layer)] = layer
            return call(layer, *args, **kwargs)

        @functools.wraps(draw)
        def noting_draw(generator: Any, *args: Any, **kwargs: Any) -> Any:
            self._keras_draws = self._keras_draws or not tf.executing_eagerly()
            return draw(generator, *args, **kwargs)

        patches.replace(keras.layers.Layer, "__call__", noting_call)
        patches.replace(keras.random.SeedGenerator, "next", noting_draw)
        try:
            yield
        finally:
            patches.undo()

    def check(self, trial_name: str, variables: Sequence[Any]) -> None:
        """Raises TrialDefinitionError for what cannot be keyed or restored, with the operation's or layer's name."""
        self._check_keras(trial_name)
        known = {variable.handle.op.name for variable in variables}
        for where, name, kind in _operations(self._graph):
            if kind == "VarHandleOp" and name not in known:
                raise _refused(
                    trial_name,
                    f"the variable {name!r}{where}",
                    "it is in none of TensorFlow's collections, so no checkpoint would hold it. Make it with "
                    "tf.compat.v1.get_variable or tf.Variable, without `collections`",
                )
            if not _is_harmless(kind):
                raise _refused(trial_name, f"the operation {name!r}{where} of type {kind}", _why(kind))

    def _check_keras(self, trial_name: str) -> None:
        for layer in self._layers.values():
            state = [v for v in layer.variables if not v.trainable]
            if state:
                raise _refused(
                    trial_name,
                    f"the Keras layer {type(layer).__name__} {layer.name!r}",
                    f"its state ({state[0].path}) does not move in a graph, so that it would repeat one mask, or never "
                    "learn its statistics. Use tf.nn.dropout, tf.nn.batch_normalization and the like, or a KerasTrial",
                )
        if self._keras_draws:
            raise _refused(
                trial_name, "keras.random", "its generator does not move in a graph. Use tf.random or self.seeded"
            )


def _operations(graph: tf.Graph) -> Iterator[tuple[str, str, str]]:
    """Yields (where, name, type) of each operation, also in the functions that the graph calls."""
    for operation in graph.get_operations():
        yield "", operation.name, operation.type
    for function in graph.as_graph_def().library.function:
        where = f" in the function {function.signature.name!r}"
        for node in function.node_def:
            yield where, node.name, node.op


def _is_harmless(kind: str) -> bool:
    if kind in _HARMLESS or kind.startswith(_HARMLESS_BEGINNINGS):
        return True
    return not _is_stateful(kind)


@functools.cache
def _is_stateful(kind: str) -> bool:
    definition = op_def_registry.get(kind)
    # A function of the graph's own is called by its name; its body is looked through.
    return definition is not None and definition.is_stateful


def _why(kind: str) -> str:
    default = (
        "it keeps a state or draws from a stream that no checkpoint holds. Use tf.random.* as functions, variables, "
        "and data from make_data_loaders instead"
    )
    if "Dataset" in kind or "Iterator" in kind:
        return "data of a graph come from make_data_loaders"
    return _INSTEAD.get(kind, default)


def _refused(trial_name: str, what: str, why: str) -> TrialDefinitionError:
    return TrialDefinitionError(f"the graph of {trial_name} holds {what}, which could not be resumed exactly: {why}.")
