"""An experiment, shown for as long as it runs: by the view that suits where this is, up to a last look at its end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from pedl.display.live import LineView, TableView, View, Watched
from pedl.display.notebook import NotebookView, display, in_notebook
from pedl.display.pace import Progress


class Unseen(View):
    """Shows nothing, and does not look."""

    def update(self, experiment: Watched, last: bool = False) -> None:
        """Does nothing."""

    def tell(self, line: str) -> None:
        """Does nothing."""

    def _show(self, described: dict[str, Any], batches: dict[int, int], progress: Progress) -> None:
        """Does nothing."""


def view_for(progress: bool) -> View:
    """Returns what shows an experiment that is run here.

    Args:
      progress: False: nothing; else a board in a notebook and on a terminal, and lines elsewhere.
    """
    if not progress:
        return Unseen()
    if in_notebook():
        return NotebookView(display)
    # A file is asked, too: FORCE_COLOR and TTY_COMPATIBLE make a terminal of whatever reads, in the eyes of Rich.
    console = Console(stderr=True)
    if sys.stderr.isatty() and console.is_terminal and not console.is_dumb_terminal:
        return TableView(console)
    return LineView()


@contextmanager
def shown(experiment: Watched, progress: bool) -> Iterator[View]:
    """Shows an experiment for the length of a `with`, which tells the view what happens.

    What has happened before is not told. The last look is at its end, or at how it stands when it was interrupted; one
    that fails, or is interrupted before it was ever shown, has a message to show and no board.
    """
    with view_for(progress) as view:
        view.start_from(experiment)
        try:
            yield view
        except KeyboardInterrupt:
            if view.has_shown:
                view.update(experiment, last=True)
            raise
        view.update(experiment, last=True)
