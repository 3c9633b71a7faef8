"""The PyDataset of `sequence`, its workers as processes.

In an experiment it is one, and for training only: each is an interpreter of its own, which takes seconds to start.
"""

from sequence import SequenceTrial as _SequenceTrial


class ProcessesTrial(_SequenceTrial):
    use_multiprocessing = True

    def make_data_loaders(self, experiment_config, hparams):
        if "workload" not in hparams:
            return super().make_data_loaders(experiment_config, hparams)
        training, validation = super().make_data_loaders(experiment_config, {"workers": 1})
        validation.use_multiprocessing = False
        return training, validation
