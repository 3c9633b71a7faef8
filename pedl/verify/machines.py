"""Two machines, compared: where their numeric profiles differ, and which kinds of operation give other bits.

There is what `pedl doctor --json` wrote on the other machine; here is what this one computes as an experiment from
there would be computed. Equal digests prove the operations of the battery and no others.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedl.errors import InputError
from pedl.experiment.difference import ProfileDifference
from pedl.experiment.profile import profile_differences

_AUTO = (
    "an experiment that is created here computes with other kernels than one that is created there; set "
    "reproducibility.onednn where both are to agree. What follows is computed as there"
)


_READ = {"numeric_profile": {"onednn"}, "battery": {"format", "digests", "threads"}}


@dataclass(frozen=True)
class Kind:
    """One kind of operation of the battery.

    Attributes:
      name: such as "convolutions".
      same, other: the operations and sizes that gave the same bits there and here, and those that gave others.
    """

    name: str
    same: tuple[str, ...]
    other: tuple[str, ...]


@dataclass(frozen=True)
class Machines:
    """What the comparison found; in `profile`, recorded is there, and found is here."""

    profile: tuple[ProfileDifference, ...]
    kinds: tuple[Kind, ...]

    @property
    def agree(self) -> bool:
        """Whether neither the profile nor an operation differs."""
        return not self.profile and not any(kind.other for kind in self.kinds)

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {
            "agree": self.agree,
            "numeric_profile": [
                {"entry": it.entry, "there": it.recorded, "here": it.found, "can_cause": it.can_cause}
                for it in self.profile
            ],
            "operations": [
                {"kind": kind.name, "same": list(kind.same), "other": list(kind.other)} for kind in self.kinds
            ],
        }


def read(file: Path) -> dict[str, Any]:
    """Returns what `pedl doctor --json` wrote into `file`.

    Raises:
      InputError: if it cannot be read, or is something else, or has no battery.
    """
    again = f"Write it on the other machine with: pedl doctor --json > {file.name}"
    try:
        content: Any = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read ({error}), expected what the doctor wrote. {again}") from None
    if not isinstance(content, dict) or not {"numeric_profile", "battery"} <= set(content):
        raise InputError(f"{file} is not what `pedl doctor --json` writes. {again}")
    if content["numeric_profile"] is None or content["battery"] is None:
        raise InputError(f"{file} has no digests: TensorFlow did not start on that machine. {again}")
    if missing := [where for where, names in _READ.items() if not _holds(content, where, names)]:
        raise InputError(f"{file} is not whole: {', '.join(missing)} lack entries that are compared. {again}")
    return content


def _holds(content: dict[str, Any], where: str, names: set[str]) -> bool:
    return isinstance(content[where], dict) and names <= set(content[where])


def compare(there: dict[str, Any], here: dict[str, Any], onednn_here: bool) -> Machines:
    """Compares two machines.

    Args:
      there: what `read` returned.
      here: what `pedl.verify.machine.examine` returned, with oneDNN as it is there.
      onednn_here: what `onednn: auto` is here.

    Raises:
      InputError: if another pedl computed another battery there.
    """
    batteries = there["battery"], here["battery"]
    if batteries[0]["format"] != batteries[1]["format"]:
        raise InputError(
            f"The digests there are of battery {batteries[0]['format']} (pedl {there['pedl']}), those here of "
            f"{batteries[1]['format']} (pedl {here['pedl']}), expected the same. Install one pedl on both machines."
        )
    kinds = (
        _kind(name, digests, batteries[1]["digests"].get(name, {})) for name, digests in batteries[0]["digests"].items()
    )
    found = profile_differences(_profile(there), _profile(here))
    if (onednn_there := there["numeric_profile"]["onednn"]) != onednn_here:
        found.append(ProfileDifference((), "onednn: auto", onednn_there, onednn_here, "instruction set", _AUTO))
    return Machines(tuple(found), tuple(kinds))


def _profile(machine: dict[str, Any]) -> dict[str, Any]:
    return {**machine["numeric_profile"], **machine["battery"]["threads"]}


def _kind(name: str, there: dict[str, str], here: dict[str, str]) -> Kind:
    other = tuple(it for it, digest in there.items() if here.get(it) != digest)
    return Kind(name, tuple(it for it in there if it not in other), other)
