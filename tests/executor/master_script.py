"""A user's program without a `__main__` guard: starts the attempts named on its command line and waits.

Prints the process numbers of its server and workers, one JSON list. If anything imported it a second time, it would
print twice.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path

from pedl.executor import LocalExecutor

# `nohup pytest` has it ignored, and its children inherit that.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
logs, worker, *jobs = sys.argv[1:]
executor = LocalExecutor(dict(os.environ), lambda trial: Path(logs) / f"{trial}.log", worker)
attempts = [executor.start({"trial_id": number, "do": job}) for number, job in enumerate(jobs, 1)]
pids = [executor._server.pid]
while len(pids) <= len(attempts):
    pids += [message["pid"] for _, message in executor.poll(None)]
print(json.dumps(pids), flush=True)
time.sleep(600)
