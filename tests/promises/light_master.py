"""One command, `create`, `run` or `delete`, on an experiment whose trials are trained by `light_worker`.

`run` asks its own experiment for a pause as often as the file `pauses` beside the home says: first at once, when hardly
a worker has begun, and the last eight times after the first step of a trial. So every kind of message is sent, even on
a busy machine, where a step may have become the whole trial before the pause is obeyed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from pedl.executor import LocalExecutor
from pedl.experiment import Experiment, create_experiment, load_experiment


def make_executor(environment: dict[str, str], log_path: Callable[[int], Path]) -> LocalExecutor:
    return LocalExecutor(environment, log_path, worker="tests.promises.light_worker")


def run(experiment: Experiment, pauses: Path) -> None:
    left = int(pauses.read_text()) if pauses.exists() else 0
    asked: list[bool] = []
    before = _steps(experiment)

    def pause(now: Experiment) -> None:
        if left and not asked and (left > 8 or _steps(now) > before):
            asked.append(now.pause())

    experiment.run(workers=2, on_change=pause)
    if asked:
        pauses.write_text(str(left - 1))  # only now: a master that was stopped asks again


def _steps(experiment: Experiment) -> int:
    return sum(trial["steps_completed"] for trial in experiment.describe()["trials"])


def main() -> None:
    home, command = Path(sys.argv[1]), sys.argv[2]
    if command == "create":
        config = json.loads((home.parent / "config.json").read_text())
        create_experiment(config, home.parent / "definition", home, 7, make_executor)
    elif command == "run":
        run(load_experiment(int(sys.argv[3]), home, make_executor), home.parent / "pauses")
    else:
        load_experiment(int(sys.argv[3]), home, make_executor).delete()


if __name__ == "__main__":
    main()
