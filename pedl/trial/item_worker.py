"""One item process of a `PyDataset`, started with its end of the connection; see `pedl.trial.item_processes`."""

from __future__ import annotations

import json
import os
import sys
from multiprocessing.connection import Connection
from pathlib import Path

from pedl.trial.data import made_loaders
from pedl.trial.definition import user_traceback
from pedl.trial.sequences import SequenceSource
from pedl.trial.start import start


def main() -> None:
    """Makes the batches whose numbers come in, until the trial closes the connection or dies."""
    connection = Connection(int(sys.argv[1]))
    order = json.loads(connection.recv_bytes())
    task, role = order["task"], order["role"]
    started = start(task)
    dataset = made_loaders(started.trial)[0 if role == "training" else 1]
    where = f"the {role} data of {type(started.trial).__name__}"
    source = SequenceSource(dataset, started.trial.context.seed_of("order"), role, where, started.generators)
    try:
        while True:
            number = connection.recv()
            try:
                connection.send(source.batch(number))
            except Exception as error:
                connection.send(f"{where} failed in batch {number}:\n{user_traceback(error, Path(task['definition']))}")
    except (EOFError, OSError):
        os._exit(0)
