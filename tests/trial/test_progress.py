"""How far a trial is, told while it works."""

import time
from types import SimpleNamespace

from pedl.trial import progress
from pedl.trial.progress import progress_told
from tests.waiting import until


def test_progress_is_told_when_something_moved_and_only_then(monkeypatch):
    monkeypatch.setattr(progress, "EVERY_S", 0.05)
    told = []
    run = SimpleNamespace(batches_done=0, batches_validated=0)
    with progress_told(told.append, run):
        time.sleep(0.2)
        assert told == []
        run.batches_done = 7
        until(lambda: len(told) == 1)
        run.batches_validated = 3
        until(lambda: len(told) == 2)
        time.sleep(0.2)
    assert told == [{"type": "progress", "batches": 7}] * 2
    run.batches_done = 8
    time.sleep(0.2)
    assert len(told) == 2
