"""Operations of a traced function whose state nobody can save: found, and refused with what to write instead.

`tf.random.uniform` and its like keep a counter inside TensorFlow's kernel. A resumed trial would begin it anew and
train on other numbers, without an error. Keras's own layers draw with `keras.random` and a `SeedGenerator`, whose state
is a variable.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pedl.errors import TrialDefinitionError

DRAWING = frozenset(
    {
        *("RandomUniform", "RandomUniformInt", "RandomStandardNormal", "TruncatedNormal"),
        *("ParameterizedTruncatedNormal", "RandomShuffle", "Multinomial", "RandomGamma", "RandomPoisson"),
        *("RandomPoissonV2", "RandomCrop", "SampleDistortedBoundingBox", "SampleDistortedBoundingBoxV2", "Skipgram"),
        *("UniformCandidateSampler", "LogUniformCandidateSampler", "LearnedUnigramCandidateSampler"),
        *("ThreadUnsafeUnigramCandidateSampler", "FixedUnigramCandidateSampler", "AllCandidateSampler"),
    }
)
"""Operations that draw from a stream inside their kernel."""

_PYTHON = frozenset({"PyFunc", "EagerPyFunc"})


def all_nodes(graph: Any) -> list[Any]:
    """Returns the nodes of a graph, and of the functions that it calls."""
    definition = graph.as_graph_def()
    return [*definition.node, *(node for function in definition.library.function for node in function.node_def)]


def check_no_hidden_state(nodes: Iterable[Any], phase: str) -> bool:
    """Returns whether a traced function runs Python, which only validation may: metrics use `tf.numpy_function`.

    Args:
      nodes: the traced function's, as `all_nodes` returns them.
      phase: "training" or "validation".

    Raises:
      TrialDefinitionError: if the function draws from a kernel's stream, or trains through Python.
    """
    runs_python = False
    for node in nodes:
        if node.op in DRAWING:
            raise TrialDefinitionError(
                f"{node.name} ({node.op}) in the {phase} step draws from a stream inside TensorFlow, which no "
                "checkpoint holds. Instead of tf.random.*, call keras.random.* with a generator that the layer keeps: "
                "self.seed_generator = keras.random.SeedGenerator(seed) in __init__, and in call "
                "keras.random.uniform(shape, seed=self.seed_generator)."
            )
        runs_python |= node.op in _PYTHON
        if node.op in _PYTHON and phase == "training":
            raise TrialDefinitionError(
                f"{node.name} ({node.op}) in the training step runs Python, beside the thread that makes the next "
                "batches; what it draws or keeps is in no checkpoint. Instead of tf.py_function or tf.numpy_function, "
                "use TensorFlow's operations, or do it in the data."
            )
    return runs_python
