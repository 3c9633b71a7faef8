"""`download_data(experiment_config, hparams)`: called once per machine, however many trials want the data.

The first process calls it, with a lock held, and writes down what it returned; the others read that. Another model
definition, `data` or hyperparameters are another download. What it draws from `random` and `np.random` is the same on
each machine, and moves nothing in the trial that happens to call it.
"""

from __future__ import annotations

import fcntl
import hashlib
import inspect
import json
import os
from pathlib import Path
from typing import Any

from pedl.errors import TrialDefinitionError
from pedl.seeds import stream_seed
from pedl.trial.generators import borrowed
from pedl.trial.trial import Trial, call


def download(trial: Trial) -> Path | None:
    """Returns the directory with the trial's data, downloaded if need be; None if it has no `download_data`."""
    function = getattr(trial, "download_data", None)
    if function is None:
        return None
    config = trial.context.experiment_config
    source = Path(inspect.getfile(function)).read_bytes()
    wanted = json.dumps([config.get("data"), trial.hparams], sort_keys=True).encode()
    record = _folder() / f"{hashlib.sha256(source + wanted).hexdigest()[:32]}.json"
    record.parent.mkdir(parents=True, exist_ok=True)
    with record.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        known = Path(json.loads(record.read_text())) if record.exists() else None
        if known is not None and known.is_dir():
            return known
        with borrowed(stream_seed(0, "download")):
            directory = _checked(call(function, config, trial.hparams), type(trial).__name__)
        partial = record.with_suffix(".partial")
        partial.write_text(json.dumps(str(directory)))
        partial.rename(record)
        return directory


def _folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pedl" / "downloads"


def _checked(value: Any, name: str) -> Path:
    if not isinstance(value, (str, os.PathLike)) or not Path(value).is_dir():
        raise TrialDefinitionError(
            f"download_data() of {name} returned {value!r}, expected the directory that it has filled."
        )
    return Path(value).resolve()
