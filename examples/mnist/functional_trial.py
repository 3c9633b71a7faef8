"""Two questions about one image: which digit is it, and is it at least 5?"""

from pathlib import Path

import keras
import numpy as np

from pedl.trial import KerasFunctionalTrial


class DigitTrial(KerasFunctionalTrial):
    def build_model(self, hparams):
        layers = self.seeded.layers
        image = keras.Input((28, 28, 1), name="image")
        x = layers.Conv2D(hparams["filters"], 3, activation="relu", name="strokes")(image)
        x = keras.layers.MaxPooling2D()(x)
        x = keras.layers.Flatten()(x)
        x = layers.Dense(hparams["units"], activation="relu", name="hidden")(x)
        x = layers.Dropout(hparams["dropout"], name="drop")(x)
        digit = layers.Dense(10, activation="softmax", name="digit")(x)
        large = layers.Dense(1, activation="sigmoid", name="large")(x)
        return keras.Model({"image": image}, {"digit": digit, "large": large})

    def optimizer(self):
        return keras.optimizers.Adam(self.hparams["learning_rate"])

    def losses(self):
        return {"digit": "sparse_categorical_crossentropy", "large": "binary_crossentropy"}

    def loss_weights(self):
        return {"digit": 1.0, "large": self.hparams["large_weight"]}

    def batch_size(self):
        return self.hparams["batch_size"]

    def validation_metrics(self):
        return {"accuracy": ("digit", "accuracy"), "large_accuracy": ("large", "accuracy")}

    def make_data_loaders(self, experiment_config, hparams):
        with np.load(Path(__file__).parent / "mnist_10k.npz") as data:
            return questions(data["x_train"], data["y_train"]), questions(data["x_test"], data["y_test"])


def questions(images, digits):
    """uint8 (n, 28, 28) and digits (n,) to inputs and targets by name."""
    pixels = images[..., np.newaxis].astype("float32") / 255.0
    return {"image": pixels}, {"digit": digits, "large": digits >= 5}
