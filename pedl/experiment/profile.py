"""The numeric profile: what floating point depends on, compared, and the part of it that we decide.

It is a plain nested dict that workers report. The sizes of the pools in force may differ from trial to trial, because
`session_config()` may depend on hyperparameters; everything else belongs to the experiment.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from pedl import jsontext
from pedl.experiment.difference import ProfileDifference
from pedl.python import python_command
from pedl.variables import NOT_INHERITED

PER_TRIAL = ("intra_op", "inter_op")

SAMPLER = "optuna"
"""The entry on which no training depends: the version of Optuna, there if it suggests the hyperparameters."""

SUGGESTING = (SAMPLER, "numpy")
"""The entries on which the suggestions of a sampler depend."""


def resolve_onednn(setting: str | bool) -> bool:
    """Returns whether oneDNN is to be used: `auto` means that NumPy finds AVX512_ICL or AVX512_SPR on this processor.

    These groups of NumPy's are Ice Lake, Sapphire Rapids, Zen 4 and what came after. Processors that lack a part of
    them are left out, also those with AVX-512 and VNNI (Cascade Lake). Asked once, when an experiment is created; from
    then on the answer is part of its configuration, because it moves bits.
    """
    if isinstance(setting, bool):
        return setting
    # A new process where a shell has told NumPy, which asks once, to see less than there is: shells never decide bits.
    told = any(name in os.environ for name in ("NPY_DISABLE_CPU_FEATURES", "NPY_ENABLE_CPU_FEATURES"))
    found = _found_by_another_process() if told else _found()
    return any(name in ("AVX512_ICL", "AVX512_SPR") for name in found)


def _found() -> list[str]:
    import numpy as np  # takes a tenth of a second, and is asked for once

    # NumPy leaves an empty list out: a processor may have nothing beyond the baseline.
    return list(np.show_config(mode="dicts")["SIMD Extensions"].get("found", []))


def _found_by_another_process() -> list[str]:
    environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    code = f"from {__name__} import _found; print(*_found())"
    return subprocess.check_output(python_command(code), env=environment, text=True).split()


def expected_profile(experiment: dict[str, Any], trial: dict[str, Any] | None) -> dict[str, Any]:
    """Returns what a trial must report: what it reported before, else its experiment's profile without the pools."""
    if trial is not None:
        return trial
    return {name: value for name, value in experiment.items() if name not in PER_TRIAL}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Returns a line for each entry that differs, with both sides; entries that are not expected are not compared."""
    return [f"{it.entry}: recorded {it.recorded}, found {it.found}" for it in profile_differences(expected, found)]


_CAUSES = (
    (("intra_op", "inter_op"), "pools", "sums are split otherwise: results of convolutions and products may differ"),
    (
        ("instruction_set", "max_instruction_set", "onednn", "machine", "system", "device"),
        "instruction set",
        "other kernels compute: any result of floating point may differ",
    ),
    (("python", "tensorflow", "keras", "numpy"), "versions", "other code computes: anything may differ"),
    ((SAMPLER,), "versions", "other hyperparameters may be suggested; what is trained with given ones is the same"),
    (("floatx", "dtype_policy"), "versions", "other types are computed with: all results differ"),
)
_OTHERS = ("versions", "kernels or graphs are chosen otherwise: any result of floating point may differ")


def profile_differences(
    expected: dict[str, Any], found: dict[str, Any], trial_ids: tuple[int, ...] = ()
) -> list[ProfileDifference]:
    """As `differences`, each with what it can cause, and with the trials that recorded it."""
    here = jsontext.flat(found)
    return [
        ProfileDifference(trial_ids, path, value, here.get(path, "nothing"), *_effect(path))
        for path, value in sorted(jsontext.flat(expected).items())
        if value != here.get(path, "nothing")
    ]


def differences_from_any(
    recorded: Iterable[dict[str, Any]], found: dict[str, Any], trial_ids: tuple[int, ...] = ()
) -> list[ProfileDifference]:
    """Returns what differs between a profile and those that trials were trained with before, each difference once."""
    return each_once(it for profile in recorded for it in profile_differences(profile, found, trial_ids))


def each_once(found: Iterable[ProfileDifference]) -> list[ProfileDifference]:
    """Returns equal differences as one, with the numbers of all the trials that recorded it."""
    once: dict[str, ProfileDifference] = {}
    for it in found:
        key = jsontext.dumps([it.entry, it.recorded, it.found])
        before = once.setdefault(key, it)
        once[key] = replace(before, trial_ids=tuple(sorted({*before.trial_ids, *it.trial_ids})))
    return list(once.values())


def _effect(path: str) -> tuple[str, str]:
    return next(((cause, effect) for names, cause, effect in _CAUSES if path in names), _OTHERS)
