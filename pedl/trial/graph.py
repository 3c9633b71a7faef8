"""From a trial's `build_graph` and `optimizer` to the graph that is trained: what is fed, what is fetched.

A training batch is one call of the session, in this order, which control dependencies enforce:

    the tensors that build_graph returned, and all gradients
    operations in UPDATE_OPS, such as moving averages
    the optimizer's update
    the word of all variables
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial import fingerprint
from pedl.trial.graph_audit import GraphAudit
from pedl.trial.graph_random import KeyedRandom
from pedl.trial.graph_state import graph_variables
from pedl.trial.tensorflow_trial import TensorFlowTrial, checked_metrics, checked_optimizer, checked_outputs


@dataclass(frozen=True)
class BuiltGraph:
    """A trial's graph, complete.

    Attributes:
      graph: nothing is added to what is trained afterwards.
      records: the placeholders of a batch, flat; "record_image" for `record["image"]`.
      feeds: these, then `is_training`, the training counter and the random counter.
      outputs: name -> tensor, as the trial returned them.
      training_metrics, validation_metrics: sorted names of outputs, with "loss".
      train: runs a training batch.
      word: the joint word of all variables after `train`: uint8, (8,).
      words_after: the word of each variable after `train`: uint8, (variables, 8).
      variables: (group, variable): "model", "optimizer", and "local" for those that are not global.
      reads: the tensors that read the variables as they are.
      initial: initializes all variables and tables.
    """

    graph: tf.Graph
    records: list[tf.Tensor]
    feeds: list[tf.Tensor]
    outputs: dict[str, tf.Tensor]
    training_metrics: list[str]
    validation_metrics: list[str]
    train: tf.Operation
    word: tf.Tensor
    words_after: tf.Tensor
    variables: list[tuple[str, Any]]
    reads: list[tf.Tensor]
    initial: tf.Operation


def built_graph(trial: TensorFlowTrial, specs: Any) -> BuiltGraph:
    """Builds the graph of a trial; runs nothing.

    Args:
      specs: nested `tf.TensorSpec`s of a batch.

    Raises:
      TrialDefinitionError: if a hook returned something else than it must, or the graph holds what cannot be keyed or
        restored.
    """
    graph = tf.Graph()
    random = KeyedRandom(graph, trial.context.seed_of("init"))
    audit = GraphAudit(graph)
    with graph.as_default(), random.installed(), audit.watching():
        record = tf.nest.map_structure(_placeholder, specs)
        is_training = tf.compat.v1.placeholder_with_default(False, [], name="is_training")
        counter = tf.compat.v1.placeholder_with_default(tf.constant(0, tf.int64), [], name="training_counter")
        trial.__dict__["_training_counter"] = counter
        outputs = checked_outputs(trial, trial.build_graph(record, is_training))
        of_the_model = graph_variables(graph)
        train = _train_op(trial, graph, outputs)
        variables = _grouped(graph, of_the_model)
        with tf.control_dependencies([train]):
            after = [variable.read_value() for _, variable in variables]
            word, words_after = fingerprint.joint_word(after), fingerprint.words(after)
        reads = [variable.read_value() for _, variable in variables]
        initial = tf.group(
            tf.compat.v1.variables_initializer([v for _, v in variables]), tf.compat.v1.tables_initializer()
        )
    audit.check(type(trial).__name__, [v for _, v in variables])
    return BuiltGraph(
        graph=graph,
        records=tf.nest.flatten(record),
        feeds=[*tf.nest.flatten(record), is_training, counter, random.counter],
        outputs=outputs,
        training_metrics=checked_metrics(trial, "training_metrics", outputs),
        validation_metrics=checked_metrics(trial, "validation_metrics", outputs),
        train=train,
        word=word,
        words_after=words_after,
        variables=variables,
        reads=reads,
        initial=initial,
    )


def _placeholder(spec: tf.TensorSpec) -> tf.Tensor:
    return tf.compat.v1.placeholder(spec.dtype, spec.shape, name=spec.name)


def _train_op(trial: TensorFlowTrial, graph: tf.Graph, outputs: dict[str, tf.Tensor]) -> tf.Operation:
    """The whole update. Without these dependencies, an output that reads a variable saw it updated now and then."""
    optimizer = checked_optimizer(trial, trial.optimizer())
    computed = optimizer.compute_gradients(outputs["loss"]) if tf.compat.v1.trainable_variables() else []
    gradients = [(gradient, variable) for gradient, variable in computed if gradient is not None]
    if not gradients:
        raise TrialDefinitionError(
            f"the loss of {type(trial).__name__} depends on no trainable variable. Make variables with "
            "tf.compat.v1.get_variable or tf.Variable, and compute the loss from them."
        )
    flat = tf.nest.flatten([gradient for gradient, _ in gradients], expand_composites=True)
    update_ops = graph.get_collection(tf.compat.v1.GraphKeys.UPDATE_OPS)
    with tf.control_dependencies([*outputs.values(), *flat, *update_ops]):
        return optimizer.apply_gradients(gradients, global_step=tf.compat.v1.train.get_global_step(graph))


def _grouped(graph: tf.Graph, of_the_model: Sequence[Any]) -> list[tuple[str, Any]]:
    """What `build_graph` made and is global is the model's; what came later is the optimizer's."""
    global_ones = {id(v) for v in graph.get_collection(tf.compat.v1.GraphKeys.GLOBAL_VARIABLES)}
    known = {id(v) for v in of_the_model}
    groups = {True: "model", False: "optimizer"}
    return [(groups[id(v) in known] if id(v) in global_ones else "local", v) for v in graph_variables(graph)]
