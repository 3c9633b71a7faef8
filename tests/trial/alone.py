"""Trials alone, each in a new process, for tests that hold one in their hands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pedl.executor import LocalExecutor
from pedl.executor.environment import training_environment

WORKLOADS = Path(__file__).parent.parent / "workloads"
KERAS_WORKLOADS = ("mlp", "cnn", "lstm", "sequence", "functional", "dataset", "gan", "callbacks", "mixed", "stateful")
GRAPH_WORKLOADS = ("graph",)
TRIAL_WORKLOADS = (*KERAS_WORKLOADS, *GRAPH_WORKLOADS)

CONFIG: dict[str, Any] = {
    "batches_per_step": 5,
    "reproducibility": {"threads": {"intra_op": 4, "inter_op": 4}, "op_determinism": True, "fingerprint": "step"},
}


class Failed(Exception):
    """A trial failed; the text is the error's class and message."""


class Alone:
    """Runs actions (see `alone_worker`) on trials, each call in a process of its own, forked from one warm server."""

    workloads = WORKLOADS

    def __init__(self, directory: Path, **environment: str) -> None:
        base = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *environment.pop("path", "").split()]),
        }
        self._executor = LocalExecutor(
            training_environment(base, onednn=True, max_instruction_set="none", extra=environment),
            lambda trial: directory / f"{trial}.log",
            worker="tests.trial.alone_worker",
        )

    def __call__(
        self,
        definition: str | Path,
        *actions: list[Any],
        seed: int = 7,
        hparams: dict[str, Any] | None = None,
        config: dict[str, Any] | None = None,
        session_config: dict[str, Any] | None = None,
    ) -> list[Any]:
        """Returns the result of each action.

        Args:
          definition: the name of a workload, or a path.

        Raises:
          Failed: with the error's class and message.
        """
        path = definition if isinstance(definition, Path) else WORKLOADS / f"{definition}.py"
        task = {
            "kind": "train",
            "trial_id": 1,
            "experiment_id": 1,
            "trial_seed": seed,
            "hparams": hparams or {},
            "config": {**CONFIG, **(config or {})},
            "definition": str(path),
            "session_config": session_config,
            "actions": [list(action) for action in actions],
        }
        self._executor.start(task)
        while True:
            for _, message in self._executor.poll(120):
                if message["type"] == "done":
                    return message["results"]
                raise Failed(f"{message.get('kind', message['type'])}: {message.get('message', message)}")

    def close(self) -> None:
        self._executor.close()
