"""A trained Keras model as files that Keras or TensorFlow load without pedl: a `.keras` file, or a SavedModel.

Both predict and nothing else: losses, metrics and optimizers, which may be the user's own code, stay behind. What is
needed to train on is in the trial's checkpoint.
"""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl.errors import CheckpointError, InputError, TrialDefinitionError
from pedl.trial.weights import weights_sha256


def export_keras(model: keras.Model, example: Any, file: Path, definition: Path) -> list[str]:
    """Writes a `.keras` file, loads it back, and compares every weight and a prediction. Equal models give equal files.

    Args:
      model: it loses its optimizer.
      example: what a batch gives to the model.
      file: must not exist.
      definition: the model definition, whose classes and functions the model may hold.

    Returns:
      The names of those that it holds, sorted: `keras.models.load_model` wants them as `custom_objects`.

    Raises:
      TrialDefinitionError: if Keras cannot make the model again from its file; with what Keras says.
      OSError: if the file cannot be written.
    """
    weights = weights_sha256(model)
    model.compiled, model.optimizer = False, None
    try:
        model.save(file)
        _without_circumstances(file)
        needed = _own_names(json.loads(_read(file)["config.json"]))
        again = keras.models.load_model(file, custom_objects=_defined_in(definition), compile=False)
    except OSError:  # a full disk says nothing about the model
        raise
    except Exception as error:  # whatever the user's classes raise in it
        raise TrialDefinitionError(
            f"Keras cannot make the model again from a .keras file: {error}\n"
            "A class of your own needs get_config() with all arguments of its __init__. "
            "Or export it with --format saved_model, which holds the computation and no class."
        ) from error
    if weights_sha256(again) != weights:
        raise TrialDefinitionError(
            "the model that Keras makes from its .keras file has other weights than the trial's: a class of your own "
            "keeps some where Keras does not look for them.\n"
            "Make them with add_weight() or in layers that are attributes, or export with --format saved_model."
        )
    if not _predicts_as(model, again, example):
        raise TrialDefinitionError(
            "the model that Keras makes from its .keras file predicts otherwise than the trial's: get_config() of a "
            "class of your own leaves something out, or a function of yours has the name of one of Keras's.\n"
            "Complete get_config(), or name the function otherwise, or export with --format saved_model."
        )
    return needed


def load_keras(file: Path, manifest: dict[str, Any], custom_objects: dict[str, Any]) -> keras.Model:
    """Returns the model of an exported `.keras` file, with the weights that its manifest names.

    Raises:
      InputError: if it holds classes or functions that are not handed over.
      CheckpointError: if its weights are others.
    """
    known = {**keras.saving.get_custom_objects(), **custom_objects}
    missing = [name for name in manifest["custom_objects"] if name not in known]
    if missing:
        wanted = ", ".join(f"{name!r}: {name.split('>')[-1]}" for name in missing)
        raise InputError(
            f"The model holds classes or functions of your own: {', '.join(missing)}.\n"
            f"Hand them over: custom_objects={{{wanted}}}"
        )
    model = keras.models.load_model(file, custom_objects=custom_objects, compile=False)
    found = weights_sha256(model)
    if found != manifest["weights_sha256"]:
        raise CheckpointError(
            f"{file} holds weights of sha256 {found}, exported were {manifest['weights_sha256']}. Export it again."
        )
    return model


def export_saved_model(model: keras.Model, example: Any, directory: Path) -> None:
    """Writes a SavedModel with one endpoint, "serve", for batches of any size.

    Args:
      example: tensors of a batch, for a model that does not know its inputs itself.
      directory: must not exist.
    """
    archive = keras.export.ExportArchive()
    archive.track(model)
    # model.export() of Keras 3.15 leaves `training` to the first layer that has a default: with an augmentation layer
    # that is True, and the whole model is exported as in training.
    archive.add_endpoint("serve", lambda x: model(x, training=False), input_signature=[_any_batch(model, example)])
    archive.write_out(str(directory), verbose=False)


def _any_batch(model: keras.Model, example: Any) -> Any:
    if isinstance(model, keras.Sequential) and model.inputs:
        example = model.inputs[0]
    elif getattr(model, "inputs", None):
        example = model.input
    return tf.nest.map_structure(
        lambda it: tf.TensorSpec((None, *it.shape[1:]), it.dtype, getattr(it, "name", None)), example
    )


def _without_circumstances(file: Path) -> None:
    """Writes a `.keras` file anew, without the time of its making and the addresses of objects in memory."""
    entries = _read(file)
    config = json.loads(entries["config.json"])
    numbers: dict[int, int] = {}
    for entry in _objects(config):
        if "shared_object_id" in entry:
            entry["shared_object_id"] = numbers.setdefault(entry["shared_object_id"], len(numbers) + 1)
    entries["config.json"] = json.dumps(config).encode()
    entries["metadata.json"] = json.dumps({"keras_version": keras.__version__}).encode()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)


def _read(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _own_names(config: Any) -> list[str]:
    """Returns the names under which the user's classes and functions stand in a model's configuration."""
    return sorted({name for entry in _objects(config) if (name := _own_name(entry)) is not None})


def _own_name(entry: dict[str, Any]) -> str | None:
    module, name, registered = entry["module"], entry["class_name"], entry.get("registered_name")
    if name == "function" and module == "builtins":
        function = str(entry["config"])
        return None if _of_keras(function) else function
    if module is not None and module.split(".")[0] in ("keras", "builtins"):
        return None
    return str(registered or name)


def _of_keras(function: str) -> bool:
    """Tells whether Keras finds a function by its name alone; it does not look among `keras.ops`."""
    parts = (keras.activations, keras.initializers, keras.regularizers, keras.constraints)
    return any(hasattr(part, function) for part in parts)


def _predicts_as(model: keras.Model, again: keras.Model, example: Any) -> bool:
    """Compares predictions for a batch, bytes with bytes. One that draws anew in each call has nothing to compare."""
    first, second, found = (_predicted(it, example) for it in (model, model, again))
    return first != second or found == first


def _predicted(model: keras.Model, example: Any) -> list[bytes]:
    return [np.asarray(it).tobytes() for it in tf.nest.flatten(model(example, training=False))]


def _objects(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        if {"module", "class_name", "config"} <= config.keys():
            yield config
        for value in config.values():
            yield from _objects(value)
    elif isinstance(config, list):
        for value in config:
            yield from _objects(value)


def _defined_in(definition: Path) -> dict[str, Any]:
    """Returns the classes and functions of the user's modules, by name."""
    folder = (definition if definition.is_dir() else definition.parent).resolve()
    own = [
        module
        for _, module in sorted(sys.modules.items())
        if (file := getattr(module, "__file__", None)) and Path(file).resolve().is_relative_to(folder)
    ]
    return {name: value for module in own for name, value in vars(module).items() if callable(value)}
