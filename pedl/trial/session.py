"""`session_config()`: which thread pools and devices a trial computes with, and how they come into force.

The bits of a convolution depend on the size of the intra-op pool, and the first tensor of a process creates that pool
for good: what is asked for later is silently ignored. So the pools are set, and TensorFlow's context is created,
before any user code runs. The trial then says what it wants; if that is something else, the process is started
once more with that answer.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from google.protobuf import json_format

from pedl.errors import TrialDefinitionError
from pedl.trial import in_order

DEFAULT_THREADS = 4
"""The size of both pools where nothing else is said: a constant, never derived from the machine."""


def default_session_config(
    intra_op: int = DEFAULT_THREADS, inter_op: int = DEFAULT_THREADS
) -> tf.compat.v1.ConfigProto:
    """Returns the multi-threaded default: pools of a fixed size, whatever the machine.

    Args:
      intra_op: threads that share one operation, at least 1. It decides the bits of convolutions and large products.
      inter_op: threads that run operations side by side, at least 1. It was never seen to change a bit.
    """
    return tf.compat.v1.ConfigProto(intra_op_parallelism_threads=intra_op, inter_op_parallelism_threads=inter_op)


def deterministic_cpu_session_config() -> tf.compat.v1.ConfigProto:
    """Returns the preset of one thread per pool: the most conservative choice, and slower.

    The default is as reproducible; this one also agrees with results of other tools that were made on one thread.
    """
    return default_session_config(1, 1)


def as_plain(config: tf.compat.v1.ConfigProto) -> dict[str, Any]:
    """Returns a ConfigProto as plain JSON: only the fields that differ from their defaults."""
    return json_format.MessageToDict(config, preserving_proto_field_name=True)


def from_plain(plain: dict[str, Any]) -> tf.compat.v1.ConfigProto:
    """The inverse of `as_plain`."""
    return json_format.ParseDict(plain, tf.compat.v1.ConfigProto())


def check(config: object, where: str) -> tf.compat.v1.ConfigProto:
    """Returns `config` if every field in it can be applied.

    Args:
      config: what a trial's `session_config()` returned.
      where: the method's name, for messages.

    Raises:
      TrialDefinitionError: if it is no ConfigProto, or has a field that cannot be applied; such a field is never
        ignored.
    """
    if not isinstance(config, tf.compat.v1.ConfigProto):
        raise TrialDefinitionError(
            f"{where} returned {type(config).__name__}, expected a tf.compat.v1.ConfigProto.\n"
            "Return one, for example: super().session_config()"
        )
    for path in _set_fields(config):
        if path not in _APPLICABLE:
            raise TrialDefinitionError(
                f"{where} sets {path}, which cannot be applied to a trial. Leave it out; "
                f"what can be set: {', '.join(sorted(_APPLICABLE))}."
            )
    for path in ("intra_op_parallelism_threads", "inter_op_parallelism_threads"):
        if getattr(config, path) < 1:
            raise TrialDefinitionError(
                f"{where} sets {path} to {getattr(config, path)} (the size of the machine), expected at least 1: bits "
                "depend on "
                f"the size of the pool. Start from super().session_config(), which sets {DEFAULT_THREADS}."
            )
    return config


def apply(config: tf.compat.v1.ConfigProto) -> None:
    """Brings a checked `config` into force for this process and creates TensorFlow's context.

    Must run before anything else creates the context.

    Raises:
      RuntimeError: from TensorFlow, if the context exists already.
    """
    in_order.let_idle_threads_sleep()
    tf.config.threading.set_intra_op_parallelism_threads(config.intra_op_parallelism_threads)
    tf.config.threading.set_inter_op_parallelism_threads(config.inter_op_parallelism_threads)
    _apply_devices(config)
    # proto3 cannot tell False from unset: only what was asked for is set, else TensorFlow's own defaults hold.
    if config.allow_soft_placement:
        tf.config.set_soft_device_placement(True)
    if config.log_device_placement:
        tf.debugging.set_log_device_placement(True)
    # Without these two, a static and an unknown batch dimension give a CNN different bits, so that the history of
    # traces would be hidden state.
    tf.config.optimizer.set_experimental_options({"constant_folding": False, "arithmetic_optimization": False})
    tf.config.list_logical_devices()


def of_a_session(config: tf.compat.v1.ConfigProto) -> tf.compat.v1.ConfigProto:
    """Returns a checked `config` for a session of its own, with what `apply` has set elsewhere: graph rewriting, and
    idle threads that sleep, since a session's pools do not follow the context.

    The sizes of the thread pools are the process's, whatever a session asks for.
    """
    complete = tf.compat.v1.ConfigProto()
    complete.CopyFrom(config)
    rewriting = complete.graph_options.rewrite_options
    rewriting.constant_folding = rewriting.arithmetic_optimization = type(rewriting).OFF
    complete.experimental.disable_thread_spinning = True
    return complete


def in_force() -> dict[str, int]:
    """Returns the sizes of the pools of this process, as TensorFlow's context holds them."""
    return {
        "intra_op": tf.config.threading.get_intra_op_parallelism_threads(),
        "inter_op": tf.config.threading.get_inter_op_parallelism_threads(),
    }


def _apply_devices(config: tf.compat.v1.ConfigProto) -> None:
    gpus = tf.config.list_physical_devices("GPU")
    if config.gpu_options.visible_device_list:
        gpus = [gpus[int(number)] for number in config.gpu_options.visible_device_list.split(",")]
        tf.config.set_visible_devices(gpus, "GPU")
    if config.device_count.get("GPU") == 0:
        tf.config.set_visible_devices([], "GPU")
        gpus = []
    if config.gpu_options.allow_growth:
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)


_APPLICABLE = frozenset(
    {
        "intra_op_parallelism_threads",
        "inter_op_parallelism_threads",
        "allow_soft_placement",
        "log_device_placement",
        "device_count.GPU=0",
        "gpu_options.visible_device_list",
        "gpu_options.allow_growth",
    }
)


def _set_fields(config: tf.compat.v1.ConfigProto) -> list[str]:
    """The fields that differ from their defaults: proto3 knows no other presence."""
    paths = []
    for descriptor, value in config.ListFields():
        if descriptor.name == "device_count":
            paths += [f"device_count.{kind}={count}" for kind, count in value.items()]
        elif descriptor.message_type is not None and not hasattr(value, "__len__"):
            inner = [f"{descriptor.name}.{field.name}" for field, _ in value.ListFields()]
            paths += inner or [descriptor.name]
        else:
            paths.append(descriptor.name)
    return paths
