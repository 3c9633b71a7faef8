"""The environment variables that decide bits, and what pedl does with each: one list for config, executor and docs.

A training process inherits the command's environment, except for these names. Those of `PEDL_SETS` have a field or a
fixed value of pedl's own, and a configuration that gives them is refused. Those of `NOT_INHERITED` are taken from the
experiment's configuration, where they are recorded, and never from a shell that may be another one next time.
"""

from __future__ import annotations

_ONE_THREAD = (
    "it is 1: the bits of NumPy's matrix products depend on its threads, whose number otherwise follows the cores; "
    "TensorFlow's pools are reproducibility.threads"
)

FIXED = {
    "KERAS_BACKEND": "tensorflow",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "VECLIB_MAXIMUM_THREADS": "1",
}
"""Variables that have one and the same value in every training process."""

PEDL_SETS = {
    "DNNL_MAX_CPU_ISA": "use reproducibility.max_instruction_set",
    "KERAS_BACKEND": "the backend is TensorFlow's",
    "MKL_NUM_THREADS": _ONE_THREAD,
    "OMP_NUM_THREADS": _ONE_THREAD,
    "ONEDNN_MAX_CPU_ISA": "use reproducibility.max_instruction_set",
    "OPENBLAS_NUM_THREADS": _ONE_THREAD,
    "PYTHONHASHSEED": "it is 0 in every training process",
    "TF_CUDNN_DETERMINISTIC": "use reproducibility.op_determinism",
    "TF_DETERMINISTIC_OPS": "use reproducibility.op_determinism",
    "TF_ENABLE_ONEDNN_OPTS": "use reproducibility.onednn",
    "TF_NUM_INTEROP_THREADS": "use reproducibility.threads.inter_op",
    "TF_NUM_INTRAOP_THREADS": "use reproducibility.threads.intra_op",
    "TF_OVERRIDE_GLOBAL_THREADPOOL": "use reproducibility.threads",
    "TF_XLA_FLAGS": "XLA is off: its results differ from those without it",
    "VECLIB_MAXIMUM_THREADS": _ONE_THREAD,
    "XLA_FLAGS": "XLA is off: its results differ from those without it",
}
"""Variables that pedl sets or removes in every training process: name -> why, or what to use instead."""

NOT_INHERITED = {
    "NPY_DISABLE_CPU_FEATURES": "it changes NumPy's instruction set",
    "NPY_ENABLE_CPU_FEATURES": "it changes NumPy's instruction set",
    "NVIDIA_TF32_OVERRIDE": "it changes the precision of products on a GPU",
    "ONEDNN_DEFAULT_FPMATH_MODE": "it lets oneDNN compute in a lower precision",
    "OPENBLAS_CORETYPE": "it changes the instruction set of NumPy's matrix products",
    "PYTHONOPTIMIZE": "it removes assertions from the model definition",
    "TF_CUDNN_USE_AUTOTUNE": "it lets measured times choose a GPU's kernels",
    "TF_ENABLE_WINOGRAD_NONFUSED": "it changes the algorithm of convolutions on a GPU",
    "TF_SET_ONEDNN_FPMATH_MODE": "it lets oneDNN compute in a lower precision",
    "TF_USE_LEGACY_KERAS": "it replaces tf.keras by Keras 2",
}
"""Variables taken from `environment.environment_variables` alone: name -> why the command's own are dropped."""
