"""The numeric profile: what floating point depends on, compared, and the part of it that we decide.

It is a plain nested dict that workers report. The sizes of the pools in force may differ from trial to trial, because
`session_config()` may depend on hyperparameters; everything else belongs to the experiment.
"""

from __future__ import annotations

from typing import Any

PER_TRIAL = ("intra_op", "inter_op")


def resolve_onednn(setting: str | bool) -> bool:
    """Returns whether oneDNN is to be used: `auto` means that this processor has AVX-512 with VNNI.

    That is what NumPy calls AVX512_ICL or AVX512_SPR (Ice Lake, Sapphire Rapids, and Zen 4). Asked once, when an
    experiment is created; from then on the answer is part of its configuration, because it moves bits.
    """
    if isinstance(setting, bool):
        return setting
    import numpy as np  # takes a tenth of a second, and is asked for once

    # NumPy leaves an empty list out: a processor may have nothing beyond the baseline.
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return any(name in ("AVX512_ICL", "AVX512_SPR") for name in found)


def expected_profile(experiment: dict[str, Any], trial: dict[str, Any] | None) -> dict[str, Any]:
    """Returns what a trial must report: what it reported before, else its experiment's profile without the pools."""
    if trial is not None:
        return trial
    return {name: value for name, value in experiment.items() if name not in PER_TRIAL}


def differences(expected: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """Returns a line for each entry that differs, with both sides; entries that are not expected are not compared."""
    return [
        f"{path}: recorded {value}, found {_at(found, path)}"
        for path, value in _flat(expected, "").items()
        if value != _at(found, path)
    ]


def _flat(value: dict[str, Any], prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, item in sorted(value.items()):
        flat.update(_flat(item, f"{prefix}{name}.") if isinstance(item, dict) else {f"{prefix}{name}": item})
    return flat


def _at(value: Any, path: str) -> Any:
    return _flat(value, "").get(path, "nothing")
