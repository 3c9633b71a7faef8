"""An MLP in mixed precision, with loss scaling, whose scale is a part of the state."""

import keras
from mlp import MlpTrial


class MixedTrial(MlpTrial):
    def build_model(self, hparams):
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("mixed_float16")
        try:
            return super().build_model(hparams)
        finally:
            keras.config.set_dtype_policy(policy)
