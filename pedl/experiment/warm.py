"""The executor of the check, kept for the experiment that was checked: TensorFlow is loaded once and not twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pedl.executor import Executor
from pedl.experiment.workers import ExecutorFactory
from pedl.store import ExperimentPaths


class LogPlace:
    """Where workers write; called with a trial's number. It moves when the experiment comes into being."""

    def __init__(self, paths: ExperimentPaths) -> None:
        self._paths = paths

    def __call__(self, trial_id: int) -> Path:
        return self._paths.log(trial_id)

    def move_to(self, paths: ExperimentPaths) -> None:
        self._paths = paths


@dataclass
class WarmExecutor:
    """An executor that stands ready, and the environment of its workers."""

    environment: dict[str, str]
    executor: Executor

    def or_new(self, make_executor: ExecutorFactory) -> ExecutorFactory:
        """Returns a factory that gives this executor if its workers have the environment that is asked for."""

        given = False

        def make(environment: dict[str, str], log_path: Callable[[int], Path]) -> Executor:
            nonlocal given
            if not given:
                given = True  # whoever has it closes it
                if environment == self.environment:
                    return self.executor
                self.executor.close()
            return make_executor(environment, log_path)

        return make
