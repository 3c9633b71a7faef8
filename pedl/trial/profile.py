"""The numeric profile: what floating point depends on besides code, data and seed."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl.trial.session import in_force


def instruction_set() -> list[str]:
    """Returns the instruction-set groups that NumPy found on this processor, for example ["X86_V3", "X86_V4"]."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    return list(extensions.get("baseline", [])) + list(extensions.get("found", []))


def numeric_profile(*, op_determinism: bool, searcher: str | None = None) -> dict[str, Any]:
    """Returns the profile of this process, once its pools are in force.

    Args:
      searcher: `searcher.name` of the experiment. What Optuna suggests depends on its version, too.
    """
    gpus = tf.config.list_logical_devices("GPU")
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        "system": platform.system(),
        "machine": platform.machine(),
        "device": tf.config.experimental.get_device_details(tf.config.list_physical_devices("GPU")[0])["device_name"]
        if gpus
        else "CPU",
        "instruction_set": instruction_set(),
        "max_instruction_set": os.environ.get("ONEDNN_MAX_CPU_ISA", "none"),
        "onednn": os.environ.get("TF_ENABLE_ONEDNN_OPTS") == "1",
        "op_determinism": op_determinism,
        **in_force(),
        "grappler": {"constant_folding": False, "arithmetic_optimization": False},
        "jit": False,
        "floatx": keras.config.floatx(),
        "dtype_policy": keras.config.dtype_policy().name,
        **({"optuna": version("optuna")} if searcher == "optuna" else {}),
    }


def profile_of(task: dict[str, Any]) -> dict[str, Any]:
    """Returns the numeric profile of this process, whose pools and libraries are the task's."""
    config = task["config"]
    deterministic = config["reproducibility"]["op_determinism"]
    return numeric_profile(op_determinism=deterministic, searcher=config["searcher"]["name"])
