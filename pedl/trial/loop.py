"""The training loop: k batches in one call of one compiled function.

`tf.while_loop` takes a batch from the feed, calls the model's own `train_step`, and writes down the fingerprint of all
variables. The number of batches is the length of the feed's first axis, a run-time value: one trace serves every k, and
no bit depends on k. Each batch shape has a function of its own, with an explicit input signature.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pedl import seeds
from pedl.trial import fingerprint, in_order, metrics, operations
from pedl.trial.generators import borrowed
from pedl.trial.hidden_state import all_nodes, check_no_hidden_state
from pedl.trial.operations import Watched
from pedl.trial.sources import Segment, Source
from pedl.trial.state import WholeState
from pedl.trial.targets import arranged, class_weighted


@dataclass(frozen=True)
class Record:
    """What is kept of k batches.

    Attributes:
      states: the joint word of all variables after each batch: uint8, (k, 8).
      last: the word of each variable after the last batch: uint8, (variables, 8).
      tensors: the word of each variable after each batch: uint8, (k, variables, 8); or None where only steps
        are recorded that finely.
    """

    states: npt.NDArray[np.uint8]
    last: npt.NDArray[np.uint8]
    tensors: npt.NDArray[np.uint8] | None


class Loop:
    """Trains and validates a model by compiled functions, one per batch shape.

    Args:
      model: compiled and built.
      state: all that `train_step` changes; completed while the first function is traced.
      trial_seed: tracing borrows Python's and NumPy's generators under a key of it, so that when a function is traced
        moves nothing.
      class_weight: class -> weight in training, or None.
      every_tensor: whether a word per variable is recorded at every batch.
    """

    def __init__(
        self,
        model: keras.Model,
        state: WholeState,
        trial_seed: int,
        *,
        class_weight: Mapping[int, float] | None = None,
        every_tensor: bool = False,
    ) -> None:
        self._model = model
        self._state = state
        self._trial_seed = trial_seed
        self._every_tensor = every_tensor
        self._class_weight = class_weight
        self._functions: dict[Any, Callable[..., Any]] = {}
        self._running_python: set[str] = set()

    def train(self, source: Source, segment: Segment) -> Record:
        """Trains the batches of a segment.

        Raises:
          tf.errors.OpError: from an operation that cannot be done, such as a label that is no class. It is named.
        """
        states, last, *tensors = self._function("training", source, segment.feed)(segment.feed)
        return Record(states.numpy(), last.numpy(), tensors[0].numpy() if tensors else None)

    def validate(self, source: Source, segment: Segment) -> None:
        """Adds the batches of a segment to the model's metrics."""
        self._function("validation", source, segment.feed)(segment.feed)

    def runs_python(self, phase: str) -> bool:
        """Whether the functions of a phase that are traced so far run the user's Python, which may draw."""
        return bool(self._model.run_eagerly) or phase in self._running_python

    def watch(self, source: Source, segment: Segment) -> Watched:
        """Trains the first batch of a segment and returns the word of everything that this computes."""
        train, names = self._batch("training", source), list[str]()

        def watched(row: Any) -> tf.Tensor:
            train(row)
            names[:], words = operations.words(tf.compat.v1.get_default_graph().get_operations())
            return words

        row = tf.nest.map_structure(lambda tensor: tensor[0], segment.feed)
        specs = tf.nest.map_structure(lambda tensor: tf.TensorSpec(tensor.shape, tensor.dtype), row)
        function = self._traced("training", watched, specs)[0]
        return operations.watched(names, function(row).numpy())

    def prepare(self, phase: str, source: Source, feed: Any) -> None:
        """Traces the function of a phase for the shapes of `feed`; runs nothing."""
        self._function(phase, source, feed)

    def _function(self, phase: str, source: Source, feed: Any) -> Callable[..., Any]:
        key = (phase, id(source), *(str(tensor.shape[1:]) for tensor in tf.nest.flatten(feed)))
        if key not in self._functions:
            self._functions[key] = self._compiled(phase, source, source.signature(feed))
        return self._functions[key]

    def _compiled(self, phase: str, source: Source, signature: Any) -> Callable[..., Any]:
        batch = self._batch(phase, source)
        row = tf.nest.map_structure(lambda spec: tf.TensorSpec(spec.shape[1:], spec.dtype), signature)
        traced, graph = self._traced(phase, batch, row, _noinline=True)
        if phase == "training" and not self._functions:
            self._state.capture(graph)
        self._state.check_complete(graph)
        nodes = all_nodes(graph)
        if check_no_hidden_state(nodes, phase):
            self._running_python.add(phase)
        body = {"training": self._training, "validation": self._validation}[phase]
        if self._model.run_eagerly:  # traced all the same, which creates all variables and runs nothing
            return body(batch)
        light = in_order.is_light(nodes, self._state.variables())
        run = body(batch if light else functools.partial(_called, traced))
        if not in_order.holds(light=light):
            return self._traced(phase, run, signature)[0]
        in_this_thread = self._traced(phase, run, signature, in_order.executor)[0]
        return in_order.running(in_this_thread, lambda: self._traced(phase, run, signature)[0])

    def _traced(
        self,
        phase: str,
        run: Callable[..., Any],
        signature: Any,
        executor: Callable[[], AbstractContextManager[None]] = in_order.usual_executor,
        **attributes: Any,
    ) -> tuple[Any, Any]:
        """Returns a compiled function, and its graph. What the user compiles is traced once, by the first of them, and
        keeps the executor of that one: the usual.
        """
        function = tf.function(
            run, autograph=False, input_signature=[signature], experimental_attributes=attributes or None
        )
        with borrowed(seeds.stream_seed(self._trial_seed, "trace", phase)), executor():
            return function, function.get_concrete_function().graph

    def _batch(self, phase: str, source: Source) -> Callable[[Any], None]:
        """Returns what trains or validates with the batch of one row of a feed."""

        def train(row: Any) -> None:
            batch = arranged(self._model, source.take(row))
            self._model.train_step(batch if self._class_weight is None else class_weighted(batch, self._class_weight))

        def validate(row: Any) -> None:
            self._model.test_step(arranged(self._model, source.take(row)))

        def run(row: Any) -> None:
            with metrics.phase(phase):
                (train if phase == "training" else validate)(row)

        return run

    def _training(self, train: Callable[[Any], None]) -> Callable[..., Any]:
        recorded = [fingerprint.joint_word, *([fingerprint.words] if self._every_tensor else [])]

        def train_batches(feed: Any) -> list[tf.Tensor]:
            count = tf.shape(tf.nest.flatten(feed)[0])[0]

            def one_batch(index: tf.Tensor, *records: tf.TensorArray) -> tuple[Any, ...]:
                train(_row(feed, index))
                variables = self._state.complete()
                words = [record(variables) for record in recorded]
                return index + 1, *(ta.write(index, word) for ta, word in zip(records, words, strict=True))

            arrays = [tf.TensorArray(tf.uint8, size=count, infer_shape=False) for _ in recorded]
            _, *arrays = tf.while_loop(
                lambda index, *_: index < count, one_batch, (tf.constant(0), *arrays), parallel_iterations=1
            )
            states, *tensors = (array.stack() for array in arrays)
            return [states, fingerprint.words(self._state.complete()), *tensors]

        return train_batches

    def _validation(self, validate: Callable[[Any], None]) -> Callable[..., Any]:
        def validate_batches(feed: Any) -> tf.Tensor:
            count = tf.shape(tf.nest.flatten(feed)[0])[0]

            def one_batch(index: tf.Tensor) -> tuple[tf.Tensor]:
                validate(_row(feed, index))
                return (index + 1,)

            return tf.while_loop(lambda index: index < count, one_batch, (tf.constant(0),), parallel_iterations=1)[0]

        return validate_batches


def _called(step: Callable[[Any], None], row: Any) -> None:
    with in_order.usual_executor():
        step(row)


def _row(feed: Any, index: tf.Tensor) -> Any:
    return tf.nest.map_structure(lambda tensor: tensor[index], feed)
