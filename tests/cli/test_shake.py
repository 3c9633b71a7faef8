"""What the last line of `pedl shake` says of what was run."""

from __future__ import annotations

from pedl.cli import shake
from pedl.verify.disturbances import cores, hash_seed, nothing, place
from pedl.verify.moved import Moved
from pedl.verify.shaken import Finding, Shaken

MOVED = Moved("data", 1, 1, (), "00", "01")


def last_line(*findings: Finding) -> str:
    return shake._result(Shaken({}, 7, 8, list(findings)))


def test_the_last_line_says_what_moved_and_what_was_not_run() -> None:
    calm = Finding(nothing(""), None)
    assert last_line(calm, Finding(cores(""), None)) == "Clean: no bit moved under 1 disturbance, nor without one."
    assert last_line(calm, Finding(cores(""), MOVED), Finding(place(""), MOVED)) == "Bits moved: cores, place."
    told = last_line(calm, Finding(hash_seed(""), MOVED))
    assert told == "Bits moved: hash seed. pedl keeps training from meeting it."
    left = [Finding(it(""), None, not_run="the bits move without it") for it in (cores, place)]
    told = last_line(Finding(nothing(""), MOVED), *left)
    assert told == "Bits moved: with nothing disturbed. 2 disturbances not run."
    assert last_line(calm, left[0]) == "No bit moved. 1 disturbance not run."
