"""A CNN that asks for pools by a hyperparameter, though tensors are built while it is imported."""

import json
from collections import Counter
from pathlib import Path

import tensorflow as tf
from cnn import CnnTrial

from pedl.trial import deterministic_cpu_session_config

EARLY = tf.reduce_sum(tf.ones((2, 2)) @ tf.ones((2, 2)))


class PoolsTrial(CnnTrial):
    def session_config(self, hparams):
        if hparams["pools"] == "preset":
            return deterministic_cpu_session_config()
        config = super().session_config()
        if hparams["pools"] == "odd":
            config.intra_op_parallelism_threads, config.inter_op_parallelism_threads = 6, 3
        return config

    def make_data_loaders(self, experiment_config, hparams):
        print("threads", json.dumps(threads()))
        return super().make_data_loaders(experiment_config, hparams)


def threads():
    """The threads of this process by name, where the system tells (Linux)."""
    return Counter(path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm"))
