"""Compiled functions whose operations run one after the other, in the thread that calls them.

TensorFlow's usual executor hands operations that are ready at once to other threads of the inter-op pool. For the
operations of a training step, most of which take microseconds, the hand-over costs more than the parallel work saves.
Within an operation the intra-op pool works as ever. No bit depends on the executor:
`tests/trial/test_in_order.py` compares the two.

It is for what is simple. Under this executor `tf.while_loop` runs its body as a function of its own, which oneDNN's
rewriting of the graph does not reach: convolutions lose by that. And a thread that comes to a call, or to a branch of
`tf.cond`, stands still while another one runs it: with calls within calls, all threads of a pool could wait for ever.
So a step that is not light is called as a whole, and runs as TensorFlow usually does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import tensorflow as tf
from tensorflow.python.eager import context

_LIGHT_VALUES = 131_072
"""Up to so many values in all variables, a training step without a convolution takes well under a millisecond."""

_LOOPS = frozenset({"While", "StatelessWhile"})
"""They run their bodies themselves. Whatever else holds a function waits for it."""

EXECUTOR = "SINGLE_THREADED_EXECUTOR"
"""What TensorFlow calls it."""


def holds(*, light: bool) -> bool:
    """Whether operations run in order: on a GPU, whose operations end later than their call returns, TensorFlow's
    usual executor stays; and a step that is not `light` needs a thread besides that which waits for it.
    """
    if tf.config.list_logical_devices("GPU"):
        return False
    return light or tf.config.threading.get_inter_op_parallelism_threads() > 1


def executor() -> AbstractContextManager[None]:
    """While it lasts, functions are traced for, and called in, the calling thread."""
    scope: AbstractContextManager[None] = context.function_executor_type(EXECUTOR)
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


@contextmanager
def usual_executor() -> Iterator[None]:
    """While it lasts, functions are traced for, and called in, TensorFlow's usual executor."""
    with context.function_executor_type(None):
        yield


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
    return None not in values and sum(values) <= _LIGHT_VALUES and not any(map(_is_apart, nodes))


def _is_apart(node: Any) -> bool:
    return "Conv" in node.op or (node.op not in _LOOPS and _functions(node))


def _functions(node: Any) -> bool:
    return any(value.HasField("func") or value.list.func for value in node.attr.values())
