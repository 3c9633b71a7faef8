"""Ends with averaged weights, which are validated at each target and never trained on."""

import keras
from callbacks import CallbacksTrial


class AveragedTrial(CallbacksTrial):
    def optimizer(self):
        return keras.optimizers.Adam(self.hparams["learning_rate"], use_ema=True, ema_momentum=0.9)
