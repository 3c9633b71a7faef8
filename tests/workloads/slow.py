"""Trials of each kind that take their time, so that a kill finds them at work: the hyperparameter `kind` chooses."""

import time

import numpy as np
import tensorflow as tf
from dataset import DatasetTrial
from every import Slow, SlowTrial
from graph import GraphTrial
from mlp import MlpTrial


class SlowRecords(Slow):
    def __getitem__(self, index):
        x, y = super().__getitem__(index)
        return {"x": x, "y": y}


class SlowGraphTrial(GraphTrial):
    def make_data_loaders(self, experiment_config, hparams):
        training, validation = super().make_data_loaders(experiment_config, hparams)
        return SlowRecords(training["x"], training["y"]), validation


class SlowDatasetTrial(DatasetTrial):
    def make_data_loaders(self, experiment_config, hparams):
        training, validation = super().make_data_loaders(experiment_config, hparams)
        return training.map(_slowly), validation


def _slowly(x, y):
    waited = tf.numpy_function(lambda: np.float32(time.sleep(0.01) or 0), [], tf.float32, stateful=False)
    return x + tf.ensure_shape(waited, []), y


KINDS = {"keras": SlowTrial, "graph": SlowGraphTrial, "tf.data": SlowDatasetTrial}


class AnySlowTrial(MlpTrial):
    def __init__(self, hparams):
        self.__class__ = KINDS[hparams["kind"]]
        if isinstance(self, DatasetTrial):
            self.__init__(hparams)
