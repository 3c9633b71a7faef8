"""An item process that dies is told with its exit code, whatever it was asked and had not read."""

import sys

import pytest

from pedl.errors import TrialDefinitionError
from pedl.trial import item_processes

DIES = """
import sys
from multiprocessing.connection import Connection

connection = Connection(int(sys.argv[1]))
connection.recv_bytes()
for _ in range({read}):
    connection.recv()
raise SystemExit(9)
"""


@pytest.mark.parametrize("read", [0, 1])
def test_one_that_dies_is_told_with_its_exit_code(monkeypatch: pytest.MonkeyPatch, read: int) -> None:
    def command(_: str, descriptor: str) -> list[str]:
        return [sys.executable, "-c", DIES.format(read=read), descriptor]

    monkeypatch.setattr(item_processes, "python_command", command)
    process = item_processes._ItemProcess({}, "training", "training data of SomeTrial")
    try:
        process.ask(1)
        with pytest.raises(TrialDefinitionError, match="training data of SomeTrial ended with exit code 9"):
            process.take()
        with pytest.raises(TrialDefinitionError, match="ended with exit code 9"):
            process.ask(2)
    finally:
        process.close()
