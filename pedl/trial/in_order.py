"""Compiled functions whose operations run one after the other, in the thread that calls them.

TensorFlow's usual executor hands operations that are ready at once to other threads of the inter-op pool. For the
operations of a training step, most of which take microseconds, the hand-over costs more than the parallel work saves.
Within an operation the intra-op pool works as ever. No bit depends on the executor:
`tests/trial/test_in_order.py` compares the two.

Under this executor `tf.while_loop` runs its body as a function of its own, which oneDNN's rewriting of the graph does
not reach. Convolutions lose by that, so a body that is not light is called as a function that it does
reach; the call has its price, too, which a light body saves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

_LIGHT_VALUES = 131_072
"""Up to so many values in all variables, a training step without a convolution takes well under a millisecond."""


EXECUTOR = "SINGLE_THREADED_EXECUTOR"
"""What TensorFlow calls it."""


def holds() -> bool:
    """Whether operations run in order: on a GPU, whose operations end later than their call returns, TensorFlow's
    usual executor stays.
    """
    return not tf.config.list_logical_devices("GPU")


def executor() -> AbstractContextManager[None]:
    """While it lasts, functions are traced for, and called in, the calling thread."""
    in_order = holds() and not _usual
    scope: AbstractContextManager[None] = context.function_executor_type(EXECUTOR) if in_order else nullcontext()
    return scope


_usual = False


@contextmanager
def usual_executor() -> Iterator[None]:
    """While it lasts, `executor()` leaves TensorFlow's usual one in force, whose errors name the operation."""
    global _usual
    _usual = True
    try:
        yield
    finally:
        _usual = False


def running(function: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `function`, which was traced under `executor()`, as it must be called."""

    def call(*arguments: Any) -> Any:
        with executor():
            return function(*arguments)

    return call


def let_idle_threads_sleep() -> None:
    """Threads that wait for work turn in circles for a while, on a core that another trial, or another thread of the
    same pool, could use: pools are as large as the record says, not as the machine is. It moves no bit. Called before
    TensorFlow's context is created.
    """
    config = tf.compat.v1.ConfigProto()
    config.experimental.disable_thread_spinning = True
    context.context()._config = config  # TensorFlow has no public way; tests/trial/test_in_order.py says if it moves


def is_light(graph: Any, variables: Sequence[Any]) -> bool:
    """Whether a traced step is so small that a call of its own would show in its time: a rule on the step alone, since
    its matrix products, rewritten by oneDNN or not, may differ in their last bit.
    """
    definition = graph.as_graph_def()
    bodies = [definition.node, *(function.node_def for function in definition.library.function)]
    convolves = any("Conv" in node.op for body in bodies for node in body)
    values = [variable.shape.num_elements() for variable in variables]
    return not convolves and None not in values and sum(values) <= _LIGHT_VALUES
