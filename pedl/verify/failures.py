"""Whether a failure has come again: its kind, the type of the error, and the place in the user's code.

Not what it says: a text may quote the time, a process or an address, which are others in each run.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

from pedl.experiment.trial_state import Payload

_COMES_AGAIN = ("nan", "code", "data", "definition")
"""Kinds of failure of the trial's own; others were the machine's."""

_FRAME = re.compile(r'\s+File "(?P<file>[^"]*)", (?P<place>line \d+, in .*)')
_ERROR = re.compile(r"[\w.]+(?=:|$)")


def comes_again(failure: Payload | None) -> bool:
    """Whether a recorded failure is one that must come again."""
    return failure is not None and failure["kind"] in _COMES_AGAIN


def what_failed(failure: Payload) -> str:
    """Returns what of a failure is the same in every run.

    For example `code: KeyError in model_def.py, line 31, in build_model`. The directory is left out, since a
    repetition has one of its own, and so are frames that are not the user's.
    """
    place = ""
    for line in str(failure["traceback"]).splitlines():
        frame = _FRAME.fullmatch(line)
        if frame is not None:
            place = f" in {PurePath(frame['file']).name}, {frame['place']}"
        elif (error := _ERROR.match(line)) is not None:
            return f"{failure['kind']}: {error[0]}{place}"
    return str(failure["kind"])


def last_line(text: Any) -> str:
    """Returns the last line of what a failure says, for people."""
    return (str(text).strip().splitlines() or [""])[-1]
