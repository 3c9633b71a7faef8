"""An executor in this process, whose workers are a formula, and whose chaos is chosen by a random generator.

The workers keep the protocol and write real files: every result is a function of (trial seed, step), a checkpoint
holds its step, and whoever resumes reads it back. The chaos delivers messages of different trials in any order,
delivers some twice or long after their attempt has ended, loses workers, damages nothing, and may end the master.
"""

from __future__ import annotations

import base64
import hashlib
import json
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from pedl.executor import TERMINAL_TYPES, Attempt, Executor

PROFILE = {"python": "3.11", "tensorflow": "2.21", "instruction_set": ["X86_V2"], "intra_op": 4, "inter_op": 4}


class MasterDied(Exception):
    """Stands for kill -9 of the master: nothing that it had not committed is kept."""


@dataclass
class Chaos:
    """How the world behaves. The default is kind: one message at a time, oldest attempt first."""

    random: random.Random | None = None
    losses: float = 0.0
    duplicates: float = 0.0
    master_deaths: float = 0.0

    def happens(self, probability: float) -> bool:
        return self.random is not None and self.random.random() < probability

    def choice(self, options: list[Any]) -> Any:
        return options[0] if self.random is None else self.random.choice(options)


@dataclass
class Script:
    """What workers do besides training: by trial id."""

    fails: dict[int, tuple[int, str]] = field(default_factory=dict)
    """Ends the trial's attempt in that step with a failure of that kind."""
    fails_validated: dict[int, str] = field(default_factory=dict)
    """Ends the trial's attempt with a failure of that kind after its last step, as its final validation may."""
    stops: dict[int, int] = field(default_factory=dict)
    """A callback of the trial ends it after that step."""
    says: str = "failed"
    """What a failure says of itself, before its step."""
    traceback: str = ""
    """The traceback of a failure, as a worker tells it: the frames of the user's code."""
    lost: dict[int, int] = field(default_factory=dict)
    """How many of the trial's first attempts are lost, each after its first step."""
    differs_when_repeated: dict[int, str] = field(default_factory=dict)
    """In its second attempt the trial reports another value in that kind of message."""
    session_config: dict[int, dict[str, Any]] = field(default_factory=dict)
    """What the trial asks to be started with."""
    metrics: dict[int, Any] = field(default_factory=dict)
    """The trial's accuracy, instead of the formula's."""
    profile: dict[str, Any] = field(default_factory=lambda: PROFILE)
    audit: list[dict[str, str]] = field(default_factory=list)
    graph: bool = False
    """Trials say that they build graphs."""


class FakeExecutor(Executor):
    """See the module's text. `started` keeps all tasks, `delivered` all messages."""

    def __init__(self, chaos: Chaos | None = None, script: Script | None = None) -> None:
        self.chaos = chaos or Chaos()
        self.script = script or Script()
        self.started: list[dict[str, Any]] = []
        self.delivered: list[tuple[Attempt, dict[str, Any]]] = []
        self.running_at_most = 0
        self._attempts: dict[int, int] = {}
        self._running: dict[Attempt, Iterator[dict[str, Any]]] = {}
        self._paused: set[Attempt] = set()
        self._late: deque[tuple[Attempt, dict[str, Any]]] = deque()

    def __call__(self, environment: dict[str, str], log_path: Any) -> FakeExecutor:
        """Is its own factory: one executor, and one count of attempts, for all masters of a test."""
        self._running, self._late = {}, deque()
        return self

    def lend(self, descriptor: int) -> None:
        pass

    def start(self, task: dict[str, Any]) -> Attempt:
        task = json.loads(json.dumps(task, allow_nan=False))
        number = self._attempts[task["trial_id"]] = self._attempts.get(task["trial_id"], 0) + 1
        attempt = Attempt(task["trial_id"], number)
        self.started.append(task)
        self._running[attempt] = self._work(task, attempt)
        self.running_at_most = max(self.running_at_most, len(self._running))
        self._die_perhaps()
        return attempt

    def poll(self, timeout_s: float | None) -> list[tuple[Attempt, dict[str, Any]]]:
        arrivals = []
        for _ in range(self.chaos.choice([1, 2, 5])):
            if self._running:
                arrivals += self._next(self.chaos.choice(list(self._running)))
            if self._late and self.chaos.happens(0.3):
                arrivals.append(self._late.popleft())
        self._die_perhaps()
        self.delivered += arrivals
        return arrivals

    def send(self, attempt: Attempt, message: dict[str, Any]) -> None:
        assert message == {"type": "pause"}
        self._paused.add(attempt)

    def kill(self, attempt: Attempt) -> None:
        self._running.pop(attempt, None)
        self._die_perhaps()

    def close(self) -> None:
        self._running = {}

    def _next(self, attempt: Attempt) -> list[tuple[Attempt, dict[str, Any]]]:
        message = next(self._running[attempt])
        if self.chaos.happens(self.chaos.losses):
            message = {"type": "lost", "reason": "killed by signal 9"}
        if message["type"] in TERMINAL_TYPES:
            del self._running[attempt]
        if self.chaos.happens(self.chaos.duplicates):
            self._late.append((attempt, message))
        return [(attempt, message)] * (2 if self.chaos.happens(self.chaos.duplicates) else 1)

    def _die_perhaps(self) -> None:
        if self.chaos.happens(self.chaos.master_deaths):
            raise MasterDied

    def _work(self, task: dict[str, Any], attempt: Attempt) -> Iterator[dict[str, Any]]:
        trial_id = task["trial_id"]
        if task["kind"] == "check":
            yield {"type": "done", "class": "Fake", "validation_metrics": ["accuracy", "loss"],
                   "numeric_profile": self.script.profile, "warnings": []}  # fmt: skip
            return
        if task["kind"] == "profile":
            yield {"type": "done", "numeric_profile": self.script.profile}
            return
        wanted = self.script.session_config.get(trial_id)
        if wanted is not None and task["session_config"] != wanted:
            yield {"type": "restart", "session_config": wanted}
            return
        for message in self._train(task, attempt):
            if message["type"] == self.script.differs_when_repeated.get(trial_id) and attempt.number == 2:
                message = _altered(message)
            if attempt.number <= self.script.lost.get(trial_id, 0) and message["type"] not in ("started", "step"):
                message = {"type": "lost", "reason": "killed by signal 9"}
            yield message
            if message["type"] == "lost":
                return

    def _train(self, task: dict[str, Any], attempt: Attempt) -> Iterator[dict[str, Any]]:
        seed, trial_id, config = _origin(task), task["trial_id"], task["config"]
        yield {"type": "started", "numeric_profile": self.script.profile, "audit": self.script.audit,
               "graph": self.script.graph, "session_config": {}, "initial_state": _word(seed, "initial")}  # fmt: skip
        step = saved_at = _read_checkpoint(task)
        while step < task["until_step"]:
            step += 1
            fails_at, kind = self.script.fails.get(trial_id, (0, ""))
            if step == fails_at:
                yield {"type": "failed", "kind": kind, "message": f"{self.script.says} in step {step}",
                       "traceback": self.script.traceback}  # fmt: skip
                return
            yield _step(seed, step, config["batches_per_step"])
            yield {"type": "progress", "batches": step * config["batches_per_step"]}
            if step in (task["until_step"], self.script.stops.get(trial_id)):
                break
            validated = step % (config["min_validation_period"] or 10**9) == 0
            if validated:
                yield self._validation(seed, trial_id, step)
            pausing = attempt in self._paused
            wanted = step in task.get("save_at", ()) or (validated and config["checkpoint_policy"] == "all")
            if pausing or wanted or step % (config["min_checkpoint_period"] or 10**9) == 0:
                saved_at = step
                yield self._checkpoint(task, seed, step)
            if pausing:
                yield {"type": "paused", "step": step, "batches": step * config["batches_per_step"]}
                return
        if trial_id in self.script.fails_validated:
            yield {"type": "failed", "kind": self.script.fails_validated[trial_id],
                   "message": f"{self.script.says} after step {step}", "traceback": self.script.traceback}  # fmt: skip
            return
        if saved_at != step:
            yield self._checkpoint(task, seed, step)
        yield self._validation(seed, trial_id, step)
        early = {"stopped_early": True, "target": task["until_step"]} if step < task["until_step"] else {}
        yield {"type": "done", "step": step, "batches": step * config["batches_per_step"], **early,
               "weights_sha256": _word(seed, "weights", step), "fingerprint": _word(seed, "chain", step)}  # fmt: skip

    def _validation(self, seed: Any, trial_id: int, step: int) -> dict[str, Any]:
        accuracy = self.script.metrics.get(trial_id, _number(seed, "accuracy", step))
        return {"type": "validation", "step": step, "metrics": {"accuracy": accuracy, "loss": 1.0}}

    def _checkpoint(self, task: dict[str, Any], seed: Any, step: int) -> dict[str, Any]:
        uuid = str(UUID(int=(self.chaos.random or random).getrandbits(128)))
        directory = Path(task["checkpoint_dir"]) / uuid
        directory.mkdir()
        header = json.dumps({"__metadata__": {"step": str(step)}}).encode()
        tensors = len(header).to_bytes(8, "little") + header  # of no tensors
        (directory / "tensors.safetensors").write_bytes(tensors)
        state = {
            "format": 1,
            "step": step,
            "of": _word(seed, "weights", step),
            "origin": seed,
            "variables": [],
            "tensors_sha256": hashlib.sha256(tensors).hexdigest(),
        }
        content = json.dumps(state).encode()
        (directory / "state.json").write_bytes(content)
        return {"type": "checkpoint", "step": step, "batches": step * task["config"]["batches_per_step"], "uuid": uuid,
                "path": str(directory), "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": 1}  # fmt: skip


def _origin(task: dict[str, Any]) -> Any:
    """What all results of a trial follow from: its seed, and the state that it started from if there was one."""
    if task["resume"] is not None:
        return _read_state(task["resume"])["origin"]
    return [task["trial_seed"], None if task["source"] is None else _read_state(task["source"])["of"]]


def _read_state(checkpoint: dict[str, Any]) -> Any:
    content = (Path(checkpoint["path"]) / "state.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == checkpoint["sha256"]
    return json.loads(content)


def _read_checkpoint(task: dict[str, Any]) -> int:
    if task["resume"] is None:
        return 0
    step = _read_state(task["resume"])["step"]
    assert step == task["resume"]["step"] <= task["until_step"]
    return int(step)


def _step(seed: Any, step: int, batches: int) -> dict[str, Any]:
    words = b"".join(bytes.fromhex(_word(seed, step, batch)) for batch in range(batches))
    return {"type": "step", "step": step, "batches": step * batches, "metrics": {"loss": _number(seed, "loss", step)},
            "states": base64.b64encode(words).decode(), "data": base64.b64encode(words).decode(),
            "fingerprint": _word(seed, "chain", step),
            "tensors": {"0:dense/kernel": _word(seed, "kernel", step)}}  # fmt: skip


def _altered(message: dict[str, Any]) -> dict[str, Any]:
    if message["type"] == "step":
        words = bytearray(base64.b64decode(message["states"]))
        words[8] ^= 1
        return {**message, "states": base64.b64encode(words).decode()}
    changes = {
        "validation": {"metrics": {"accuracy": 0.0, "loss": 1.0}},
        "checkpoint": {"sha256": "00"},
        "done": {"weights_sha256": "00"},
        "started": {"initial_state": "00"},
    }
    return {**message, **changes[message["type"]]}


def _word(*key: Any) -> str:
    return hashlib.blake2b(repr(key).encode(), digest_size=8).hexdigest()


def _number(*key: Any) -> float:
    return int(_word(*key), 16) / 2**64
