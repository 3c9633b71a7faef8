"""Names inside a home: made and read in one module."""

from pathlib import Path

import pedl
from pedl.store.paths import ExperimentPaths


def test_a_log_tells_whose_it_is(tmp_path):
    paths = ExperimentPaths(tmp_path, 1)
    assert [paths.trial_of(paths.log(number)) for number in (0, 1, 12)] == [0, 1, 12]


def test_no_other_module_makes_or_reads_the_name_of_a_trials_file():
    # The place where checkpoints are kept beside a home has names of its own.
    rooms = [it for it in Path(pedl.__file__).parent.rglob("*.py") if it.parent.name != "store"]
    names = ('removeprefix("trial-', "tfevents", 'f"trial-{trial_id}', 'f"trial-{number}', "master.log")
    assert len(rooms) > 100
    assert [it.name for it in rooms if any(name in it.read_text() for name in names)] == []
