"""One hash for a model's weights, equal for equal models whatever their files and whatever else the process has
made.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from pedl.trial.state import raw, stable_path


def weights_sha256(model: keras.Model) -> str:
    """Returns the sha256 of a Keras model's weights; optimizers, metrics and seed generators are left out.

    Hashed are, for each weight in the model's order: its position, its layer's and its own name without the counters
    of automatic names, its dtype, its shape, and its bytes, little-endian.
    """
    variables = [raw(v) for v in model.weights]
    # A model that is loaded from a file has other outer scopes than one that was built in its place.
    names = ["/".join(stable_path(v).split("/")[-2:]) for v in variables]
    return tensors_sha256(names, [v.numpy() for v in variables])


def tensors_sha256(names: Sequence[str], arrays: Sequence[np.ndarray[Any, Any]]) -> str:
    """Returns the sha256 of named arrays in their order."""
    hasher = hashlib.sha256()
    for position, (name, array) in enumerate(zip(names, arrays, strict=True)):
        header = json.dumps([position, name, array.dtype.name, list(array.shape)]).encode()
        hasher.update(len(header).to_bytes(8, "little") + header)
        hasher.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return hasher.hexdigest()
