"""Whose code is at work: the user's, or a library's on the user's behalf."""

from __future__ import annotations

import sys
from pathlib import Path
from types import FrameType

_LIBRARIES = frozenset({"numpy", "keras", "tensorflow", "pedl"}) | sys.stdlib_module_names


def is_library(frame: FrameType) -> bool:
    """Tells whether a frame belongs to a library that models are made with, and not to the user."""
    package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
    return package in _LIBRARIES or package.startswith("__autograph_generated")


def line_of(frame: FrameType) -> str:
    """Returns the line of a frame, such as "model_def.py:12"."""
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}"


def users_line(innermost: FrameType | None) -> str:
    """Returns the innermost line of the user's that led to a frame; "" where there is none."""
    frame = innermost
    while frame is not None and is_library(frame):
        frame = frame.f_back
    return "" if frame is None else line_of(frame)
