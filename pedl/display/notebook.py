"""An experiment in a notebook: the board of the terminal as HTML, in one output that is replaced as it runs.

What is drawn last is what the saved notebook shows.
"""

from __future__ import annotations

import importlib
import io
import sys
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.text import Text

from pedl.display.board import MOST_ROWS, Board, best_trial, best_words, ranked
from pedl.display.live import View
from pedl.display.pace import Progress
from pedl.display.trials import trials_done, trials_table
from pedl.display.words import counted

WIDTH = 110
"""Columns of a notebook's output, about."""

_PRE = '<pre style="white-space: pre; overflow-x: auto; line-height: normal; font-family: monospace">{code}</pre>'


class NotebookView(View):
    """The board in one output of the cell that runs.

    Args:
      show: draws HTML and returns what replaces it: `display`.
    """

    def __init__(
        self, show: Callable[[str], Callable[[str], None]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock)
        self._begin = show
        self._replace: Callable[[str], None] | None = None

    def tell(self, line: str) -> None:
        print(line)

    def _show(self, described: dict[str, Any], batches: dict[int, int], progress: Progress) -> None:
        drawn = html(Board(described, batches, progress, MOST_ROWS))
        if self._replace is None:
            self._replace = self._begin(drawn)
        else:
            self._replace(drawn)


def in_notebook() -> bool:
    """Tells whether this is the process of a notebook."""
    # Asked of what is loaded: in a notebook IPython is.
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return hasattr(shell, "kernel")


def html(drawn: RenderableType, width: int = WIDTH) -> str:
    """Returns what rich would draw on a terminal, as HTML in the reader's own colours."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=width,
        force_terminal=True,
        force_jupyter=False,  # it would print into the notebook by itself
        color_system="standard",
    )
    console.print(drawn)
    return console.export_html(inline_styles=True, code_format=_PRE)


def experiment_html(described: dict[str, Any]) -> str:
    """Returns an experiment for a notebook: in a line, and its trials, the best first."""
    trials = ranked(described, described["trials"])
    more = len(trials) - MOST_ROWS
    rest = [Text(f"and {more} more: trials_dataframe() has all", style="dim")] if more > 0 else []
    return html(Group(Text(experiment_line(described)), trials_table(described, trials[:MOST_ROWS]), *rest))


def experiment_line(described: dict[str, Any]) -> str:
    """Returns an experiment in a line: number, state, seed, how many trials are done, and the best."""
    best = best_trial(described)
    words = [
        f"Experiment {described['id']}: {described['state']}",
        f"seed {described['experiment_seed']}",
        f"{trials_done(described)} of {counted(len(described['trials']), 'trial')} done",
        *([] if best is None else [best_words(described, best)]),
    ]
    return ", ".join(words)


def display(content: str) -> Callable[[str], None]:
    """Draws HTML in the cell that runs, and returns what replaces it."""
    ipython = importlib.import_module("IPython.display")
    handle = ipython.display(ipython.HTML(content), display_id=True)
    return lambda changed: handle.update(ipython.HTML(changed))
