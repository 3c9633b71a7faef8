"""Where a file was looked for that is not there: an error has its name alone, and a trial runs in a copy."""

from __future__ import annotations

import os
from pathlib import Path

from pedl.near import nearest


def looked_for(error: BaseException) -> str:
    """Returns what to add to the error for a file of a relative path that is not there; "" for other errors."""
    if not isinstance(error, FileNotFoundError) or not isinstance(error.filename, str | bytes):
        return ""
    path = Path(os.fsdecode(error.filename))
    if path.is_absolute():
        return ""
    folder = (Path.cwd() / path).parent
    meant = nearest(path.name, sorted(it.name for it in folder.iterdir())) if folder.is_dir() else ""
    return (
        f"{path.name} was looked for in {folder}{meant}\nRelative paths are those of the experiment's copy of the "
        "model definition. Put the file beside the code before the experiment is created, or give an absolute "
        "path.\n"
    )
