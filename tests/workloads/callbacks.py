"""Every callback with a state, which moves what is trained: stops it, sets learning rates, draws in each batch."""

import keras
import numpy as np
from mlp import MlpTrial

from pedl.trial import Callback


class Jitter(keras.callbacks.Callback):
    """Counts batches and moves the learning rate by what it draws: a state that is plain attributes."""

    def on_train_begin(self, logs=None):
        self.batches, self.seen = 0, {"best": (0, np.inf), "weights": np.zeros(2, "float32")}

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1
        if self.batches % 4 == 0:
            self.model.optimizer.learning_rate.assign(0.01 + 0.001 * np.random.uniform() * self.batches)
            self.seen["best"] = (batch, min(self.seen["best"][1], logs["loss"]))


class Own(keras.callbacks.Callback):
    """Keeps what is not plain, and says how."""

    def __init__(self):
        super().__init__()
        self.losses = {1.0}

    def on_epoch_end(self, epoch, logs=None):
        self.losses.add(round(logs["val_loss"], 3))
        self.model.optimizer.learning_rate.assign(0.01 / len(self.losses))

    def get_state(self):
        return sorted(self.losses)

    def set_state(self, state):
        self.losses = set(state)


class Tuned(keras.callbacks.Callback):
    """Changes what is compiled."""

    def on_train_begin(self, logs=None):
        self.model.optimizer.clipnorm = 0.01
        self.model.layers[-1].trainable = False


class Anew(keras.callbacks.Callback):
    """Lets one layer begin anew, whatever the trial starts from."""

    def on_train_begin(self, logs=None):
        self.model.layers[-1].bias.assign([0.5] * self.model.output_shape[-1])


class Average(keras.callbacks.Callback):
    """Ends with the average of the weights at all validations: a state that a model of its own holds."""

    def on_train_begin(self, logs=None):
        self.average, self.count = keras.models.clone_model(self.model), 0

    def on_epoch_end(self, epoch, logs=None):
        self.count += 1
        pairs = zip(self.average.get_weights(), self.model.get_weights(), strict=True)
        self.average.set_weights([mean + (new - mean) / self.count for mean, new in pairs])

    def on_train_end(self, logs=None):
        self.model.set_weights(self.average.get_weights())


class Late(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.last = keras.models.clone_model(self.model)


class Told(Callback):
    def __init__(self):
        self.events = []

    def on_step_end(self, step, metrics):
        self.events.append(["step", step, metrics["loss"]])

    def on_validation_end(self, step, metrics):
        self.events.append(["validation", step, metrics["loss"]])

    def state(self):
        return {"events": self.events}

    def load_state(self, state):
        self.events = state["events"]


class CallbacksTrial(MlpTrial):
    def callbacks(self):
        self.told = Told()
        return [self.told]

    def keras_callbacks(self):
        kinds = {
            "early_stopping": lambda: keras.callbacks.EarlyStopping(
                "loss", patience=1, min_delta=9, restore_best_weights=True
            ),
            "accuracy": lambda: keras.callbacks.EarlyStopping("val_accuracy", patience=1, restore_best_weights=True),
            "plateau": lambda: keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1, min_delta=9),
            "scheduler": lambda: keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7),
            "batches": Jitter,
            "own": Own,
            "checkpoint": lambda: keras.callbacks.ModelCheckpoint(
                self.hparams["to"] + "/{epoch}.keras", save_best_only=True, monitor="val_loss"
            ),
            "tensorboard": lambda: keras.callbacks.TensorBoard(self.hparams["to"]),
            "anew": Anew,
            "average": Average,
            "tuned": Tuned,
            "late": Late,
            "unkept": Unkept,
            "backup": lambda: keras.callbacks.BackupAndRestore(self.hparams["to"]),
        }
        return [kinds[kind]() for kind in self.hparams.get("kinds", ["plateau", "scheduler", "batches", "own"])]


class Unkept(keras.callbacks.Callback):
    def on_train_begin(self, logs=None):
        self.seen = {1, 2}
