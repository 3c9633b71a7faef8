"""`pedl doctor`: this machine's numeric profile, and what would keep another machine from agreeing with it.

TensorFlow is asked in a process of its own, with the environment that training processes get: no command loads it.
"""

from __future__ import annotations

from typing import Any

import click

from pedl.cli.options import json_option
from pedl.cli.output import say, show_json
from pedl.display.words import pairs

ASK_TENSORFLOW = (
    "import json; from pedl.trial.profile import numeric_profile; "
    "print(); print(json.dumps(numeric_profile(op_determinism=True)))"
)

PACKAGES = ("tensorflow", "keras", "numpy", "pydantic", "ruamel.yaml", "safetensors", "fsspec", "click", "rich")


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Show versions, cores and the numeric profile, and what would keep another machine from agreeing.

    \b
    Example: pedl doctor --json > this-machine.json
    """
    facts = examine()
    if as_json:
        show_json(facts)
    else:
        click.echo("\n".join(_lines(facts)))
    if facts["numeric_profile"] is None:
        say(f"TensorFlow does not start, so nothing can be trained here:\n{facts['trouble']}")
        raise click.exceptions.Exit(1)


def examine() -> dict[str, Any]:
    """Returns what is known about this machine, as plain JSON; `numeric_profile` is None if TensorFlow fails."""
    import os
    import platform

    profile, trouble = _ask_tensorflow()
    return {
        "pedl": _version("pedl"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "packages": {name: _version(name) for name in PACKAGES},
        "numeric_profile": profile,
        "trouble": trouble,
        "ignored_variables": _ignored_variables(),
        "must_agree": [] if profile is None else _must_agree(profile),
    }


def _version(package: str) -> str | None:
    from importlib.metadata import PackageNotFoundError, version

    from pedl.version import VERSION

    if package == "pedl":
        return VERSION
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    import platform
    from pathlib import Path

    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _ask_tensorflow() -> tuple[dict[str, Any] | None, str | None]:
    """Returns the profile that a trial would have here without its pools, or None and what went wrong."""
    import json
    import os
    import subprocess

    from pedl.executor.environment import training_environment
    from pedl.experiment.profile import resolve_onednn
    from pedl.python import python_command

    environment = training_environment(
        os.environ, onednn=resolve_onednn("auto"), max_instruction_set="none", extra={"TF_CPP_MIN_LOG_LEVEL": "2"}
    )
    asked = subprocess.run(python_command(ASK_TENSORFLOW), env=environment, capture_output=True, text=True)
    if asked.returncode != 0:
        return None, "\n".join(asked.stderr.strip().splitlines()[-5:])
    profile: dict[str, Any] = json.loads(asked.stdout.strip().splitlines()[-1])
    # The sizes of the pools are an experiment's, from its configuration or its trials, and never the machine's.
    return {name: value for name, value in profile.items() if name not in ("intra_op", "inter_op")}, None


def _ignored_variables() -> dict[str, str]:
    """Returns the variables of this shell that training processes do not get, and why."""
    import os

    from pedl.variables import NOT_INHERITED, PEDL_SETS

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


def _lines(facts: dict[str, Any]) -> list[str]:
    lines = [
        f"pedl {facts['pedl']}, Python {facts['python']}",
        f"Platform: {facts['platform']}",
        f"Processor: {facts['processor']}, {facts['cores']} cores, {facts['usable_cores']} usable",
        f"Packages: {pairs(facts['packages'])}",
    ]
    if facts["numeric_profile"] is not None:
        lines.append("Numeric profile:")
        lines += [f"  {name}: {value}" for name, value in facts["numeric_profile"].items()]
    if facts["must_agree"]:
        lines.append("Another machine gives the same bits only with:")
        lines += [f"  - {need}" for need in facts["must_agree"]]
        lines.append("The number of cores and of workers may differ.")
    if facts["ignored_variables"]:
        lines.append("Set in this shell, and not passed on to trials:")
        lines += [f"  {name}: {why}" for name, why in facts["ignored_variables"].items()]
    return lines
