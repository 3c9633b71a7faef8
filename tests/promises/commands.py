"""The command `pedl` in a process of its own, and what is found out about an experiment afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedl import jsontext
from pedl.store import Home

ROOT = Path(__file__).parents[2]
WORKLOADS = ROOT / "tests" / "workloads"


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def command(home: Path, *words: str) -> list[str]:
    """Returns the words that start `pedl` for a home."""
    return [sys.executable, "-m", "pedl", "--home", str(home), *words]


def environment(changes: dict[str, str] | None = None) -> dict[str, str]:
    """Returns this process's environment, with this source tree as the one to import pedl from."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **(changes or {})}


def pedl(
    home: Path,
    *words: str,
    directory: Path = ROOT,
    changes: dict[str, str] | None = None,
    first: Callable[[], None] | None = None,
) -> Ended:
    """Runs `pedl` with the given words for a home.

    Args:
      directory: the working directory.
      changes: to the environment.
      first: called in the new process before anything else.
    """
    done = subprocess.run(
        command(home, *words),
        env=environment(changes),
        cwd=directory,
        capture_output=True,
        text=True,
        preexec_fn=first,
        timeout=600,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


def write_config(path: Path, **config: Any) -> Path:
    """Writes a configuration file; JSON is YAML, too."""
    path.write_text(jsontext.dumps(config))
    return path


def events(home: Path, kind: str) -> list[tuple[int | None, dict[str, Any]]]:
    """Returns (trial id, payload) of each event of a kind of experiment 1, trial by trial."""
    found = [(event.trial_id, event.payload) for event in Home(home).events(1) if event.kind == kind]
    return sorted(found, key=lambda entry: entry[0] or 0)


def printed(home: Path, trial_id: int, word: str) -> list[Any]:
    """Returns the JSON that a trial of experiment 1 printed after `word`, line by line."""
    lines = Home(home).paths(1).log(trial_id).read_text().splitlines()
    return [json.loads(line.removeprefix(word)) for line in lines if line.startswith(word)]
