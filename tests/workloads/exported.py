"""Models to be exported: one with a class of the user's, whose input shape is not known before its data are; else a
workload. What the trial's own model predicts when it ends is written where the configuration says.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from every import EveryTrial
from mlp import MlpTrial

from pedl.trial import Callback


class Scale(keras.layers.Layer):
    def __init__(self, by, **kwargs):
        super().__init__(**kwargs)
        self.by = by

    def call(self, x):
        return self.by * x

    def get_config(self):
        return {**super().get_config(), "by": self.by}


class OwnTrial(MlpTrial):
    def build_model(self, hparams):
        out = self.seeded.layers.Dense(3, activation="softmax", name="out")
        return keras.Sequential([keras.layers.Flatten(), Scale(0.5), out])

    def loss(self):
        return lambda y, p: keras.losses.sparse_categorical_crossentropy(y, p)  # not to be had without this file


class Predicts(Callback):
    """Predicts by `predict`, and by one compiled function for batches of any size."""

    def __init__(self, trial):
        self.trial = trial

    def on_trial_end(self):
        trial = self.trial
        x = trial.make_data_loaders({}, {})[1][0].astype("float32")
        signature = [tf.TensorSpec((None, *x.shape[1:]), "float32")]
        served = tf.function(lambda x: trial.model(x, training=False), signature, autograph=False)(x)
        file = Path(trial.context.experiment_config["data"]["directory"]) / f"{trial.hparams['workload']}.npz"
        if not file.exists():  # an export ends the trial once more
            np.savez(file, x=x, predicted=trial.model.predict(x, verbose=0), served=served.numpy())


class ExportedTrial(EveryTrial):
    def __init__(self, hparams):
        if hparams["workload"] == "own":
            self.__class__ = OwnTrial
        else:
            super().__init__(hparams)
        if hparams["workload"] != "graph":
            self.callbacks = lambda: [Predicts(self)]
