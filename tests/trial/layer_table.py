"""How to construct and call every class of `keras.layers`: the sweep of test_factory.py goes through all of them.

Run as a program it prints a JSON object {class: hash of its variables and outputs}, for a comparison between processes.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from typing import Any

import keras
import numpy as np

from pedl.trial.factory import SeedFactory

IMAGE = (2, 8, 8, 3)
SEQUENCE = (2, 5, 4)
VECTOR = (2, 6)

ARGUMENTS: dict[str, tuple[dict[str, Any], Any]] = {
    "Activation": ({"activation": "relu"}, VECTOR),
    "AdditiveAttention": ({"dropout": 0.5}, [SEQUENCE, SEQUENCE]),
    "AlphaDropout": ({"rate": 0.5}, VECTOR),
    "Attention": ({"dropout": 0.5, "use_scale": True}, [SEQUENCE, SEQUENCE]),
    "AugMix": ({}, IMAGE),
    "Bidirectional": ({"layer": ("LSTM", {"units": 3, "dropout": 0.5})}, SEQUENCE),
    "CategoryEncoding": ({"num_tokens": 4}, "tokens"),
    "CenterCrop": ({"height": 4, "width": 4}, IMAGE),
    "CutMix": ({}, {"images": IMAGE, "labels": (2, 4)}),
    "Discretization": ({"bin_boundaries": [0.0, 1.0]}, VECTOR),
    "Dot": ({"axes": 1}, [VECTOR, VECTOR]),
    "EinsumDense": ({"equation": "ab,bc->ac", "output_shape": 3}, VECTOR),
    "Embedding": ({"input_dim": 5, "output_dim": 3}, "tokens"),
    "GroupQueryAttention": (
        {"head_dim": 4, "num_query_heads": 2, "num_key_value_heads": 2, "dropout": 0.5},
        [SEQUENCE, SEQUENCE],
    ),
    "GroupNormalization": ({"groups": 1}, IMAGE),
    "HashedCrossing": ({"num_bins": 5}, None),
    "Hashing": ({"num_bins": 5}, "tokens"),
    "InputLayer": ({"shape": (3,)}, None),
    "IntegerLookup": ({"vocabulary": [1, 2]}, "tokens"),
    "Lambda": ({"function": abs}, VECTOR),
    "MaxNumBoundingBoxes": ({"max_number": 2}, None),
    "MelSpectrogram": ({"sequence_length": 16, "fft_length": 16}, (2, 64)),
    "MixUp": ({}, {"images": IMAGE, "labels": (2, 4)}),
    "MultiHeadAttention": ({"num_heads": 2, "key_dim": 4, "dropout": 0.5}, [SEQUENCE, SEQUENCE]),
    "Permute": ({"dims": (2, 1)}, SEQUENCE),
    "Pipeline": ({"layers": [("RandomFlip", {}), ("RandomRotation", {"factor": 0.5})]}, IMAGE),
    "RNN": ({"cell": ("GRUCell", {"units": 3, "dropout": 0.5})}, SEQUENCE),
    "RandAugment": ({"value_range": (0, 1)}, IMAGE),
    "RandomBrightness": ({"factor": 0.5, "value_range": (0, 1)}, IMAGE),
    "RandomColorDegeneration": ({"factor": 0.5, "value_range": (0, 1)}, IMAGE),
    "RandomColorJitter": (
        {"brightness_factor": 0.5, "contrast_factor": 0.5, "hue_factor": 0.5, "value_range": (0, 1)},
        IMAGE,
    ),
    "RandomContrast": ({"factor": 0.5, "value_range": (0, 1)}, IMAGE),
    "RandomCrop": ({"height": 4, "width": 4}, IMAGE),
    "RandomElasticTransform": ({"value_range": (0, 1)}, IMAGE),
    "RandomErasing": ({"value_range": (0, 1)}, IMAGE),
    "RandomGaussianBlur": ({"value_range": (0, 1)}, IMAGE),
    "RandomHue": ({"factor": 0.5, "value_range": (0, 1)}, IMAGE),
    "RandomInvert": ({"value_range": (0, 1)}, IMAGE),
    "RandomPosterization": ({"factor": 4, "value_range": (0, 1)}, IMAGE),
    "RandomRotation": ({"factor": 0.5}, IMAGE),
    "RandomSaturation": ({"factor": 0.5, "value_range": (0, 1)}, IMAGE),
    "RandomSharpness": ({"factor": 0.5, "value_range": (0, 1)}, IMAGE),
    "RandomTranslation": ({"height_factor": 0.3, "width_factor": 0.3}, IMAGE),
    "RandomZoom": ({"height_factor": 0.3}, IMAGE),
    "RepeatVector": ({"n": 2}, VECTOR),
    "Rescaling": ({"scale": 2.0}, VECTOR),
    "Reshape": ({"target_shape": (3, 2)}, VECTOR),
    "Resizing": ({"height": 4, "width": 4}, IMAGE),
    "ReversibleEmbedding": ({"input_dim": 5, "output_dim": 3, "tie_weights": False}, "tokens"),
    "STFTSpectrogram": ({"frame_length": 8, "frame_step": 4, "fft_length": 8, "window": None}, (2, 64, 1)),
    "SpectralNormalization": ({"layer": ("Dense", {"units": 3})}, VECTOR),
    "StackedRNNCells": ({"cells": [("LSTMCell", {"units": 3}), ("LSTMCell", {"units": 3})]}, None),
    "StringLookup": ({"vocabulary": ["a"]}, None),
    "TextVectorization": ({}, None),
    "TimeDistributed": ({"layer": ("Dense", {"units": 3})}, SEQUENCE),
}
"""What the class needs and what it is called with; (class, arguments) makes an inner layer of plain Keras."""

for _name in dir(keras.layers):
    if "Conv" in _name and "Cell" not in _name:
        _rank = int(_name.replace("Transpose", "")[-2])
        _arguments = {"kernel_size": 2} if "Depthwise" in _name else {"filters": 3, "kernel_size": 2}
        _shape = (2, *(4,) * (_rank + ("LSTM" in _name)), 3)
        ARGUMENTS[_name] = (_arguments | ({"dropout": 0.5} if "LSTM" in _name else {}), _shape)
    elif _name.endswith(("1D", "2D", "3D")):
        _adaptive = {"output_size": 2} if _name.startswith("Adaptive") else {}
        _rate = {"rate": 0.5} if _name.startswith("Spatial") else {}
        _pool = {"pool_size": 2} if _name.startswith("Average") else {}
        ARGUMENTS[_name] = (_adaptive | _rate | _pool, (2, *(4,) * int(_name[-2]), 3))
for _name in ("Add", "Average", "Concatenate", "Maximum", "Minimum", "Multiply", "Subtract"):
    ARGUMENTS[_name] = ({}, [VECTOR, VECTOR])
for _name in ("LSTM", "GRU", "SimpleRNN"):
    ARGUMENTS[_name] = ({"units": 3, "dropout": 0.5, "recurrent_dropout": 0.5}, SEQUENCE)
    ARGUMENTS[f"{_name}Cell"] = ({"units": 3, "dropout": 0.5, "recurrent_dropout": 0.5}, None)
for _name in ("AutoContrast", "Equalization", "RandomFlip", "RandomGrayscale", "RandomPerspective", "RandomShear"):
    ARGUMENTS[_name] = ({}, IMAGE)
ARGUMENTS["ContrastLimitedAdaptiveHistogramEqualization"] = ({"value_range": (0, 1), "tile_grid_size": (2, 2)}, IMAGE)
ARGUMENTS["Solarization"] = ({"value_range": (0, 1)}, IMAGE)
for _name, _arguments in {
    "Dense": {"units": 3},
    "Dropout": {"rate": 0.5},
    "GaussianDropout": {"rate": 0.5},
    "GaussianNoise": {"stddev": 0.5},
    "PReLU": {"alpha_initializer": "uniform"},
}.items():
    ARGUMENTS[_name] = (_arguments, VECTOR)

LEFT_OUT = {
    "InputSpec": "no layer",
    "Layer": "abstract",
    "Wrapper": "abstract",
    "JaxLayer": "another backend",
    "FlaxLayer": "another backend",
    "TorchModuleWrapper": "another backend",
    "TFSMLayer": "reads a file",
}

DRAWS_IN_CALL = {"AugMix"}
"""Classes whose output is not independent of what else draws: the factory's docstring says so, the audit names them."""


TWO_ARGUMENTS = {"MultiHeadAttention", "GroupQueryAttention"}


def class_names() -> list[str]:
    """Returns every class of `keras.layers` that can be constructed, each once whatever its aliases."""
    found: dict[Any, str] = {}
    for name in dir(keras.layers):
        member = getattr(keras.layers, name)
        if isinstance(member, type) and name not in LEFT_OUT:
            found.setdefault(member, name)
    return sorted(found.values())


def _inner(value: Any) -> Any:
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict):
        return getattr(keras.layers, value[0])(**value[1])
    return [_inner(item) for item in value] if isinstance(value, list) else value


def make(layers: Any, name: str, /, **more: Any) -> Any:
    """Makes a layer of class `name` out of `layers`, which is `keras.layers` or `factory.layers`."""
    arguments, _ = ARGUMENTS.get(name, ({}, VECTOR))
    return getattr(layers, name)(**{key: _inner(value) for key, value in arguments.items()}, **more)


def _data(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {key: _data(value) for key, value in shape.items()}
    if isinstance(shape, list):
        return [_data(value) for value in shape]
    if shape == "tokens":
        return np.array([[0, 1, 2], [2, 1, 0]])
    return np.random.RandomState(0).uniform(size=shape).astype("float32")


def outcome(layer: Any, name: str, call: bool = True) -> dict[str, bytes]:
    """Builds and calls the layer as in training; returns the bytes of each variable and of the output."""
    shape = ARGUMENTS.get(name, ({}, VECTOR))[1]
    if name.endswith("Cell") or name == "StackedRNNCells":
        layer.build((2, 4))
    elif shape is not None and call:
        data = _data(shape)
        training = {"training": True} if "training" in layer.call_signature_parameters else {}
        output = layer(*data, **training) if name in TWO_ARGUMENTS else layer(data, **training)
    elif shape is not None and name != "Pipeline":
        layer.build(*shape) if name in TWO_ARGUMENTS else layer.build((2, 3) if shape == "tokens" else shape)
    variables = {f"{index} {it.name}": it.numpy().tobytes() for index, it in enumerate(layer.variables)}
    if shape is None or not call:
        return variables
    return variables | {
        f"output {index}": keras.ops.convert_to_numpy(it).tobytes()
        for index, it in enumerate(keras.tree.flatten(output))
    }


def digests(trial_seed: int) -> dict[str, str]:
    """Returns a hash of what each class gives, made one after the other by one factory, amid noise."""
    factory = SeedFactory(trial_seed)
    found = {}
    for name in class_names():
        random.random()
        layer = make(factory.layers, name, name=f"{name}_it")
        digest = hashlib.sha256()
        for key, value in outcome(layer, name).items():
            digest.update(key.rpartition(" ")[0].encode() + value)
        found[name] = digest.hexdigest()[:16]
    return found


if __name__ == "__main__":
    json.dump(digests(int(sys.argv[1])), sys.stdout)
