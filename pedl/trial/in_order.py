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

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
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
    scope: AbstractContextManager[None] = context.function_executor_type(EXECUTOR) if holds() else nullcontext()
    return scope


def running(function: Callable[..., Any], usual: Callable[[], Callable[..., Any]]) -> Callable[..., Any]:
    """Returns `function`, which was traced under `executor()`, as it must be called.

    Args:
      usual: traces the same for TensorFlow's usual executor, whose errors name the operation: where one fails, all that
        is left to do is to say which.
    """

    def call(*arguments: Any) -> Any:
        try:
            with executor():
                return function(*arguments)
        except tf.errors.OpError:
            usual()(*arguments)
            raise

    return call


def let_idle_threads_sleep() -> None:
    """Threads that wait for work turn in circles for a while, on a core that another trial, or another thread of the
    same pool, could use: pools are as large as the record says, not as the machine is. It moves no bit. Called before
    TensorFlow's context is created.
    """
    config = tf.compat.v1.ConfigProto()
    config.experimental.disable_thread_spinning = True
    context.context()._config = config  # TensorFlow has no public way; tests/trial/test_in_order.py says if it moves


def is_light(nodes: Iterable[Any], variables: Sequence[Any]) -> bool:
    """Whether a traced step is so small that a call of its own would show in its time: a rule on the step alone, since
    its matrix products, rewritten by oneDNN or not, may differ in their last bit.

    Args:
      nodes: the step's.
      variables: all that the step changes.
    """
    values = [variable.shape.num_elements() for variable in variables]
    return None not in values and sum(values) <= _LIGHT_VALUES and not any("Conv" in node.op for node in nodes)
