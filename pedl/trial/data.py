"""From what `make_data_loaders` returned to the sources of training and validation batches."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import keras
import tensorflow as tf

from pedl.errors import TrialDefinitionError
from pedl.trial.arrays import ArrayLoader, ArraySource
from pedl.trial.context import current, enter
from pedl.trial.datasets import DatasetSource
from pedl.trial.download import download
from pedl.trial.item_processes import ProcessSequenceSource
from pedl.trial.model_trial import checked_batch_size
from pedl.trial.sequences import SequenceSource
from pedl.trial.sources import Source
from pedl.trial.start import Started
from pedl.trial.trial import Trial, call


def data_sources(started: Started) -> tuple[Source, Source]:
    """Returns the sources of a trial's training and validation batches.

    Raises:
      TrialDefinitionError: if the loaders are missing, empty, or of a structure that is not known.
    """
    loaders = made_loaders(started.trial)
    return _source(started, loaders[0], "training"), _source(started, loaders[1], "validation")


def made_loaders(trial: Trial) -> Any:
    """Returns the pair that the trial's `make_data_loaders` returns."""
    directory = download(trial)
    if directory is not None:
        enter(dataclasses.replace(current("download_data()"), download_dir=directory))
    loaders = call(_make_data_loaders(trial), trial.context.experiment_config, trial.hparams)
    if not isinstance(loaders, (tuple, list)) or len(loaders) != 2:
        raise TrialDefinitionError(
            f"make_data_loaders() returned {_counted(loaders)}, expected two loaders: (training, validation), "
            "for example ((x_train, y_train), (x_test, y_test))."
        )
    return loaders


def _counted(loaders: Any) -> str:
    many = f" of {len(loaders)}" if isinstance(loaders, (tuple, list)) else ""
    return type(loaders).__name__ + many


def _make_data_loaders(trial: Trial) -> Any:
    function = getattr(trial, "make_data_loaders", None)
    if function is None:
        raise TrialDefinitionError(
            f"{type(trial).__name__} has no data: expected a method make_data_loaders(self, experiment_config, "
            "hparams), or a function "
            "make_data_loaders(experiment_config, hparams) beside the class. Return (training, validation) from it."
        )
    return function


def _source(started: Started, loader: Any, role: str) -> Source:
    trial = started.trial
    where = f"the {role} data of {type(trial).__name__}"
    seed = trial.context.seed_of("order")
    if isinstance(loader, keras.utils.PyDataset):
        if loader.use_multiprocessing and loader.workers > 0:
            return ProcessSequenceSource(loader, seed, role, where, started.generators, started.task)
        return SequenceSource(loader, seed, role, where, started.generators)
    if isinstance(loader, tf.data.Dataset):
        return DatasetSource(loader, seed, role, where)
    if isinstance(loader, (tuple, list)) and 1 <= len(loader) <= 3:
        loader = ArrayLoader(*loader)
    elif isinstance(loader, Mapping):
        loader = ArrayLoader(loader)
    if isinstance(loader, ArrayLoader):
        return ArraySource(loader, checked_batch_size(trial), seed, shuffle=role == "training", where=where)
    raise TrialDefinitionError(
        f"{where} is {type(loader).__name__}, expected arrays (x, y) or (x, y, sample_weight), a "
        "pedl.trial.ArrayLoader, "
        "a keras.utils.PyDataset, or a tf.data.Dataset of batches."
    )
