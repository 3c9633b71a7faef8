"""A worker that trains by a formula, for tests that kill often: no TensorFlow, but real processes and real checkpoints.

Every result is a function of (trial seed, step); a checkpoint holds a number that only training can have brought there.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

# The module alone: its package loads TensorFlow.
_FILE = Path(__file__).parents[2] / "pedl" / "trial" / "checkpoint.py"
_SPEC = importlib.util.spec_from_file_location("light_checkpoint", _FILE)
assert _SPEC is not None and _SPEC.loader is not None
checkpoint = importlib.util.module_from_spec(_SPEC)
sys.modules["light_checkpoint"] = checkpoint
_SPEC.loader.exec_module(checkpoint)

PROFILE = {"python": "3", "intra_op": 4, "inter_op": 4}


def main(channel: Any) -> None:
    task = channel.task
    if task["kind"] == "check":
        channel.send({"type": "done", "class": "Light", "validation_metrics": ["loss"], "numeric_profile": PROFILE,
                      "warnings": []})  # fmt: skip
        return
    step, total = 0, np.uint64(task["trial_seed"])
    if task["resume"] is not None:
        state, _, (total, _) = checkpoint.load(Path(task["resume"]["path"]), task["resume"]["sha256"])
        step = state["step"]
        assert step == task["resume"]["step"]
    word = _word(task["trial_seed"], "initial")
    channel.send({"type": "started", "numeric_profile": PROFILE, "audit": [], "initial_state": word})
    try:
        channel.send(_train(channel, task, step, total))
    except OSError as error:
        channel.send({"type": "failed", "kind": "storage", "message": str(error), "traceback": ""})


def _train(channel: Any, task: dict[str, Any], step: int, total: Any) -> dict[str, Any]:
    saved_at = step
    while step < task["until_step"]:
        time.sleep(0.02)
        step, total = step + 1, np.uint64(int(_word(int(total), step), 16))
        words = base64.b64encode(total.tobytes()).decode()
        channel.send({"type": "step", "step": step, "batches": step, "metrics": {"loss": int(total) / 2**64},
                      "states": words, "data": words, "fingerprint": _word(int(total)), "tensors": {}})  # fmt: skip
        if step == task["until_step"]:
            break
        channel.send({"type": "validation", "step": step, "metrics": {"loss": int(total) / 2**64}})
        _save(channel, task, step, total)
        saved_at = step
        if channel.receive(0) is not None:
            return {"type": "paused", "step": step, "batches": step}
    if saved_at != step:
        _save(channel, task, step, total)
    channel.send({"type": "validation", "step": step, "metrics": {"loss": int(total) / 2**64}})
    return {"type": "done", "step": step, "batches": step, "weights_sha256": _word(int(total), "weights"),
            "fingerprint": _word(int(total))}  # fmt: skip


def _save(channel: Any, task: dict[str, Any], step: int, total: Any) -> None:
    ballast = np.zeros(task["hparams"].get("ballast_bytes", 0), np.uint8)
    header = [{"path": "total", "dtype": "uint64", "shape": []},
              {"path": "ballast", "dtype": "uint8", "shape": list(ballast.shape)}]  # fmt: skip
    saved = checkpoint.save(Path(task["checkpoint_dir"]), {"step": step}, header, [total, ballast])
    channel.send({"type": "checkpoint", "step": step, "batches": step, "uuid": saved.uuid, "path": str(saved.path),
                  "sha256": saved.sha256, "size_bytes": saved.size_bytes})  # fmt: skip


def _word(*key: Any) -> str:
    return hashlib.blake2b(repr(key).encode(), digest_size=8).hexdigest()
