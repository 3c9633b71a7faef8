"""The environment of training processes. Which variables are special, and why, is listed in `pedl.variables`."""

from __future__ import annotations

from collections.abc import Mapping

from pedl.variables import FIXED, NOT_INHERITED, PEDL_SETS


def training_environment(
    base: Mapping[str, str], onednn: bool, max_instruction_set: str, extra: Mapping[str, str]
) -> dict[str, str]:
    """Returns the whole environment of an experiment's training processes.

    It is `base` without the variables that decide bits, then `extra`, then what pedl sets itself: the same for every
    command that runs the experiment again, as far as bits depend on it.

    Args:
      base: the command's environment, `os.environ`.
      onednn: whether TensorFlow uses oneDNN; always said, since TensorFlow's own default depends on the processor.
      max_instruction_set: a value of ONEDNN_MAX_CPU_ISA, or "none": the variable is absent.
      extra: `environment.environment_variables` of the experiment's configuration.
    """
    inherited = {name: value for name, value in base.items() if name not in PEDL_SETS and name not in NOT_INHERITED}
    given = {name: value for name, value in extra.items() if name not in PEDL_SETS}
    ours = {**FIXED, "TF_ENABLE_ONEDNN_OPTS": "1" if onednn else "0"}
    if max_instruction_set != "none":
        ours["ONEDNN_MAX_CPU_ISA"] = max_instruction_set
    return {**inherited, **given, **ours}
