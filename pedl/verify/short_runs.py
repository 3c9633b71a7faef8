"""The same trial a few batches long, again and again, each time in a process of its own and in other surroundings.

It is what training is: the executor's processes and the ordinary worker, told to record a word per variable and batch
(`fingerprint: batch`). Shaking a model definition and the laws of `pedl.testing` are made of such runs.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pedl.errors import TrialDefinitionError, TrialFailed
from pedl.executor import LocalExecutor, messages
from pedl.experiment.check import of_the_source
from pedl.experiment.running import worker_environment

STEPS = 2
"""Steps of a short run. A checkpoint is made between the two, where a run is to be resumed."""

_WORD = 16
"""Hexadecimal digits of a word."""


@dataclass(frozen=True)
class Subject:
    """What is run.

    Attributes:
      definition: a directory, or one .py file.
      config: a settled configuration, complete.
      hparams, trial_seed: the trial's.
      batches: how many are trained, even.
    """

    definition: Path
    config: dict[str, Any]
    hparams: dict[str, Any]
    trial_seed: int
    batches: int

    def task(self, checkpoint_dir: Path) -> dict[str, Any]:
        """Returns the task to train all of it, for `pedl.trial.worker`."""
        chosen = {**self.config["reproducibility"], "fingerprint": "batch"}
        periods = {"min_validation_period": 1, "min_checkpoint_period": None, "checkpoint_policy": "none"}
        short = {"batches_per_step": self.batches // STEPS, "reproducibility": chosen, **periods}
        return {
            "kind": "train",
            "trial_id": 1,
            "experiment_id": 1,
            "experiment_seed": chosen["experiment_seed"],
            "trial_seed": self.trial_seed,
            "hparams": self.hparams,
            "config": {**self.config, **short},
            "definition": str(self.definition),
            "session_config": None,
            "best_metric": None,
            "source": None,
            "resume": None,
            "until_step": STEPS,
            "checkpoint_dir": str(checkpoint_dir),
        }


@dataclass(frozen=True)
class Surroundings:
    """Where a run takes place.

    Attributes:
      disturb: name -> argument, as `pedl.trial.shaken.disturbing` takes them.
      hash_seed: PYTHONHASHSEED of the process; in training it is always 0.
      resumed: whether the run ends at its middle, and goes on from the checkpoint in a new process.
      watch: whether what the user's code asks the world is noted.
    """

    disturb: Mapping[str, Any] = field(default_factory=dict)
    hash_seed: int = 0
    resumed: bool = False
    watch: bool = True


@dataclass(frozen=True)
class Recording:
    """What was recorded of a run.

    Attributes:
      initial: the word of all variables before the first batch; None if it never came to that.
      data, states: one word per batch: of its data, and of all variables after it.
      tensors: variable -> one word per batch.
      results: what else must be equal, such as "validation 1.accuracy" and "weights", in the order of its coming.
      failure: the message of a run that failed; None.
      met: what the user's code asked, see `pedl.trial.shaken.watching`.
    """

    initial: str | None
    data: tuple[str, ...]
    states: tuple[str, ...]
    tensors: dict[str, tuple[str, ...]]
    results: dict[str, Any]
    failure: dict[str, Any] | None
    met: tuple[dict[str, Any], ...]


class ShortRuns:
    """Runs subjects. TensorFlow is loaded once for each hash seed. A context manager.

    Args:
      directory: for checkpoints and logs.
      variables: added to the environment of all processes.
    """

    def __init__(self, directory: Path, variables: Mapping[str, str] | None = None) -> None:
        self._directory = directory
        self._variables = dict(variables or {})
        self._executors: dict[tuple[Any, ...], LocalExecutor] = {}
        self._session_configs: dict[str, Any] = {}
        self._references: dict[str, Recording] = {}
        self._runs = 0

    def __enter__(self) -> ShortRuns:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends all processes."""
        for executor in self._executors.values():
            executor.close()

    def run(self, subject: Subject, surroundings: Surroundings | None = None) -> Recording:
        """Runs a subject once, to its end or its failure.

        Raises:
          TrialFailed: if it is to be resumed, and its first half leaves nothing to resume from.
        """
        there = surroundings or Surroundings()
        task = self._task(subject, there)
        if not there.resumed:
            return _recording(self._messages(subject, there, task))
        first = self._messages(subject, there, {**task, "until_step": 1})
        saved = next((it for it in first if it["type"] == "checkpoint"), None)
        if saved is None and first[-1]["type"] in ("failed", "lost"):
            return _recording(first)
        if saved is None:
            raise TrialFailed(
                f"The first half of a resumed run, {subject.batches // STEPS} batches, ended without a checkpoint: "
                "nothing was resumed.\nExpected one at its end; look for what keeps the trial from saving it."
            )
        resume = {name: saved[name] for name in ("step", "path", "sha256")}
        # Under a directory of its own: where entropy is held, both halves draw the same names for their checkpoints.
        second = self._messages(subject, there, {**self._task(subject, there), "resume": resume})
        # What the first part says after its checkpoint is of a training that ended there.
        before = [it for it in first[: first.index(saved)] if it["type"] in ("started", "step")]
        met = [it for it in first if it["type"] == "met"]
        return _recording(before + met + [it for it in second if it["type"] != "started"])

    def reference(self, subject: Subject, source: Path | None = None) -> Recording:
        """Runs a subject as it is, to compare others with; one that was run before is not run again.

        Args:
          source: the definition as its author knows it, if what is run is a copy.

        Raises:
          TrialDefinitionError: if the definition, its data or its code is wrong.
          TrialFailed: if it fails otherwise.
        """
        done = self._references.get(repr(subject)) or self.run(subject)
        if done.failure is None:
            self._references[repr(subject)] = done
            return done
        if done.failure["type"] == "lost":
            log = (self._directory / "runs.log").read_text(errors="replace")[-2000:]
            raise TrialFailed(f"The process that trains the trial was lost: {done.failure['reason']}.\n{log}")
        message = str(done.failure["message"])
        known_as = str(subject.definition if source is None else source)
        raise TrialDefinitionError(of_the_source(message, subject.definition, known_as))

    def _task(self, subject: Subject, there: Surroundings) -> dict[str, Any]:
        self._runs += 1
        checkpoints = self._directory / "checkpoints" / str(self._runs)
        shaking = {"disturb": dict(there.disturb), "watch": there.watch}
        return {**subject.task(checkpoints), "shaking": shaking}

    def _messages(self, subject: Subject, there: Surroundings, task: dict[str, Any]) -> list[dict[str, Any]]:
        key = repr((str(subject.definition), subject.config.get("entrypoint"), subject.hparams))
        executor = self._executor(subject, there.hash_seed)
        while True:
            said = list(messages(executor, {**task, "session_config": self._session_configs.get(key)}))
            if said[-1]["type"] != "restart" or key in self._session_configs:
                return said
            self._session_configs[key] = said[-1]["session_config"]

    def _executor(self, subject: Subject, hash_seed: int) -> LocalExecutor:
        environment = {**worker_environment(subject.config), **self._variables, "PYTHONHASHSEED": str(hash_seed)}
        key = tuple(sorted(environment.items()))
        if key not in self._executors:
            self._executors[key] = LocalExecutor(
                environment, lambda _: self._directory / "runs.log", worker="pedl.trial.shaken.worker"
            )
        return self._executors[key]


def _recording(messages: list[dict[str, Any]]) -> Recording:
    initial, failure, results = None, None, {}
    data: list[str] = []
    states: list[str] = []
    tensors: dict[str, list[str]] = {}
    met: list[dict[str, Any]] = []
    for message in messages:
        kind = message["type"]
        if kind == "started":
            initial = message["initial_state"]
        elif kind == "step":
            data += _words(base64.b64decode(message["data"]).hex())
            states += _words(base64.b64decode(message["states"]).hex())
            for name, text in message["tensors"].items():
                tensors.setdefault(name, []).extend(_words(text))
        elif kind == "met":
            met += message["met"]
        elif kind in ("failed", "lost"):
            failure = message
        results.update(_results(message))
    return Recording(
        initial,
        tuple(data),
        tuple(states),
        {name: tuple(words) for name, words in tensors.items()},
        results,
        failure,
        tuple(met),
    )


def _results(message: dict[str, Any]) -> dict[str, Any]:
    if message["type"] in ("step", "validation"):
        name = "training" if message["type"] == "step" else "validation"
        return {f"{name} {message['step']}.{metric}": value for metric, value in message["metrics"].items()}
    if message["type"] == "done":
        return {name: message[name] for name in ("batches", "weights_sha256")}
    return {}


def _words(text: str) -> list[str]:
    return [text[at : at + _WORD] for at in range(0, len(text), _WORD)]
