"""How pedl starts another Python: this interpreter, this pedl, and nothing from the working directory."""

from __future__ import annotations

import sys
from pathlib import Path

# `python -c` and `python -m` put the working directory first on the import path: a file of the user's named like a
# module would shadow it, and a result would depend on where the command was given. pedl's own folder comes last, for
# the case that it runs from a source tree.
_PATH = "import sys; sys.path[:] = [folder for folder in sys.path if folder] + [sys.argv.pop()]; "


def python_command(code: str, *arguments: str) -> list[str]:
    """Returns the words that run `code` in a new interpreter, with `arguments` as its sys.argv[1:]."""
    return [sys.executable, "-c", _PATH + code, *arguments, str(Path(__file__).resolve().parents[1])]
