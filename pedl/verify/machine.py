"""What this machine is, as `pedl doctor` tells it: versions, cores, the numeric profile, and the battery's digests.

TensorFlow is asked in a process of its own, with the environment that training processes get.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pedl.config.schema import Reproducibility
from pedl.executor.environment import training_environment
from pedl.experiment.profile import PER_TRIAL, resolve_onednn
from pedl.python import python_command
from pedl.variables import NOT_INHERITED, PEDL_SETS
from pedl.version import VERSION

ASK_TENSORFLOW = "from pedl.trial.battery import main; main()"

PACKAGES = ("tensorflow", "keras", "numpy", "pydantic", "ruamel.yaml", "safetensors", "fsspec", "click", "rich")

_LINES_OF_TROUBLE = 5


def examine(battery: bool, asked: Reproducibility) -> dict[str, Any]:
    """Returns what is known about this machine, as plain JSON; `numeric_profile` is None if TensorFlow fails.

    Args:
      battery: whether to compute the battery, which takes a second or two.
      asked: what an experiment asks for; `Reproducibility()` asks for nothing but the defaults.
    """
    answer, trouble = _ask_tensorflow(asked.model_copy(update={"onednn": resolve_onednn(asked.onednn)}), battery)
    profile = answer.get("numeric_profile")
    return {
        "pedl": VERSION,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        # The sizes of the pools are an experiment's, from its configuration or its trials, and never the machine's.
        "numeric_profile": profile and {name: it for name, it in profile.items() if name not in PER_TRIAL},
        "trouble": trouble,
        "ignored_variables": _ignored_variables(),
        "must_agree": [] if profile is None else _must_agree(profile),
        "battery": {"threads": asked.threads.model_dump(), **answer["battery"]} if answer.get("battery") else None,
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _ask_tensorflow(reproducibility: Reproducibility, battery: bool) -> tuple[dict[str, Any], str | None]:
    """Returns the profile that a trial would have here and the battery, or nothing and what went wrong."""
    environment = training_environment(
        os.environ,
        onednn=bool(reproducibility.onednn),
        max_instruction_set=reproducibility.max_instruction_set,
        extra={"TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    words = (reproducibility.model_dump_json(), "battery" if battery else "")
    command = python_command(ASK_TENSORFLOW, *words)
    asked = subprocess.run(command, env=environment, capture_output=True, text=True)
    if asked.returncode != 0:
        return {}, "\n".join(asked.stderr.strip().splitlines()[-_LINES_OF_TROUBLE:])
    answer: dict[str, Any] = json.loads(asked.stdout.strip().splitlines()[-1])
    return answer, None


def _ignored_variables() -> dict[str, str]:
    """Returns the variables of this shell that training processes do not get, and why."""
    return {name: why for name, why in sorted({**PEDL_SETS, **NOT_INHERITED}.items()) if name in os.environ}


def _must_agree(profile: dict[str, Any]) -> list[str]:
    """Returns what another machine must have in common with this one to give the same bits."""
    versions = ", ".join(f"{name} {profile[name]}" for name in ("python", "tensorflow", "keras", "numpy"))
    onednn = "on" if profile["onednn"] else "off"
    needs = [
        f"the same versions: {versions}",
        f"the same instruction set: {profile['machine']} with {', '.join(profile['instruction_set'])}; "
        "reproducibility.max_instruction_set can cap oneDNN's, which may or may not suffice",
        f"oneDNN {onednn}, as `onednn: auto` resolves here; an experiment keeps what was resolved when it was created",
        f"floatx {profile['floatx']} and dtype policy {profile['dtype_policy']}, which keras.json may change",
    ]
    if profile["device"] != "CPU":
        needs.append(f"the same GPU: {profile['device']}; training on GPUs was not tested for reproducibility")
    return needs
