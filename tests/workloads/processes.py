"""The PyDataset of `sequence.py`, its four workers as processes."""

from sequence import SequenceTrial as _SequenceTrial


class ProcessesTrial(_SequenceTrial):
    use_multiprocessing = True
