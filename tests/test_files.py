"""What trials write is what the store reads: names, format and the way to disk are said once."""

from pathlib import Path

import pytest

PEDL = Path(__file__).parents[1] / "pedl"


@pytest.mark.parametrize(
    "words", ['"state.json"', '"tensors.safetensors"', "os.O_RDONLY)\n    try:\n        os.fsync("]
)
def test_the_files_of_a_checkpoint_and_the_sync_of_a_directory_are_said_once(words):
    found = [path.relative_to(PEDL) for path in PEDL.rglob("*.py") if words in path.read_text()]
    assert found == [Path("files.py")]


def test_trials_write_the_format_that_the_store_reads():
    from pedl.store import checkpoints
    from pedl.trial import checkpoint

    assert checkpoint.CHECKPOINT_FORMAT is checkpoints.CHECKPOINT_FORMAT
