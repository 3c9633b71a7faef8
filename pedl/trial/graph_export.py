"""A trained graph as a SavedModel, which TensorFlow and its servers load without pedl."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.graph import BuiltGraph


def export_saved_model(
    session: tf.compat.v1.Session, built: BuiltGraph, directory: Path, outputs: Sequence[str] = ()
) -> list[str]:
    """Writes a SavedModel with one signature, "serving_default", and returns the names of its inputs, sorted.

    The graph computes as in validation: `is_training` is False and dropout sleeps, unless the trial draws elsewhere.

    Args:
      session: holds the trained variables.
      directory: must not exist.
      outputs: names that `build_graph` returned; all if empty. Inputs are the placeholders that these need, under the
        data's own names ("image" for `record["image"]`): without "loss", labels are not among them.

    Raises:
      TrialDefinitionError: if there is no such output; the message lists those that there are.
    """
    unknown = sorted(set(outputs) - set(built.outputs))
    if unknown:
        raise TrialDefinitionError(
            f"the graph has no output {', '.join(map(repr, unknown))}; build_graph() returns "
            f"{', '.join(sorted(built.outputs))}."
        )
    chosen = {name: built.outputs[name] for name in outputs or sorted(built.outputs)}
    needed = _ancestors(tensor.op for tensor in chosen.values())
    inputs = {tensor.op.name.removeprefix("record_"): tensor for tensor in built.records if tensor.op in needed}
    with built.graph.as_default():
        signature = tf.compat.v1.saved_model.predict_signature_def(inputs, chosen)
        builder = tf.compat.v1.saved_model.Builder(str(directory))
        builder.add_meta_graph_and_variables(
            session,
            [tf.saved_model.SERVING],
            {tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY: signature},
            main_op=tf.compat.v1.tables_initializer(),
            saver=tf.compat.v1.train.Saver([variable for _, variable in built.variables]),
        )
        builder.save()
    return sorted(inputs)


def _ancestors(operations: Iterable[tf.Operation]) -> set[tf.Operation]:
    """The operations that others need, they included."""
    found: set[tf.Operation] = set()
    pending = list(operations)
    while pending:
        operation = pending.pop()
        if operation not in found:
            found.add(operation)
            pending += [tensor.op for tensor in operation.inputs] + list(operation.control_inputs)
    return found
