"""Where a model definition is shaken: copies of it in which nothing is left of a run before."""

from __future__ import annotations

import shutil
from pathlib import Path

from pedl.store.definition import copy_definition


class ShakePlace:
    """Copies of `source` below `directory`, which must be new.

    Attributes:
      untouched: a copy in which nothing runs.
      elsewhere: an empty directory.

    Raises:
      TrialDefinitionError: if `source` cannot be copied.
    """

    def __init__(self, directory: Path, source: Path) -> None:
        self.source = source
        self.untouched = directory / "untouched"
        self.elsewhere = directory / "elsewhere"
        self.elsewhere.mkdir()
        copy_definition(source, self.untouched)
        self._here = directory / "here" / "model_definition"
        self._there = directory / "another" / "place" / "model_definition"

    def fresh(self, moved: bool = False) -> Path:
        """Returns a new copy, at the usual place or at another one."""
        target = self._there if moved else self._here
        if target.exists():
            shutil.rmtree(target)
        shutil.copytree(self.untouched, target)
        return target / self.source.name if self.source.is_file() else target
