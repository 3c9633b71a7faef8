"""What a terminal shows of a running experiment: how far it is, the trials that run, the best of those that are over.

It fits the width that it is given, from 40 columns on, and no line is ever broken: a table that changes its height
cannot be read. Of many trials it shows as many as there are rows, and counts the rest.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from pedl.display.pace import OVER, Progress, steps_done, target_of
from pedl.display.rungs import place_of, rung_counts, rung_lines, why_stopped
from pedl.display.trials import failed_trials, metric_of, searched_hparams, trial_state, trials_done
from pedl.display.words import brief, counted, escaped
from pedl.jsontext import number
from pedl.search.best import Rank, rank, rank_of_failure

WIDE = 72
"""Columns from which on hyperparameters stand beside the trials; below, those of the best stand under them."""

MOST_ROWS = 24
"""Trials that are shown, however tall the terminal is."""

MOST_BRACKETS = 4

FRAME_ROWS = 10
"""Lines around the trials, and those that a terminal needs for itself, but for the brackets."""

_BAR = 9
_TOTAL_BAR = 24


@dataclass(frozen=True)
class Board:
    """A running experiment, drawn for the width of a console.

    Attributes:
      described: as `describe --json` prints it.
      batches: batches done by the trials that run, by id.
      progress: how far the search is.
      rows: trials to show, at most.
    """

    described: dict[str, Any]
    batches: dict[int, int]
    progress: Progress
    rows: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields the lines, none longer than the console is wide."""
        wide = options.max_width >= WIDE
        described = self.described
        seed = f"seed {described['experiment_seed']}"
        yield _line(f"Experiment {described['id']}  {described['state']}  {seed}", "bold")
        yield from self._total(wide)
        yield self._table(wide)
        lines = rung_lines(described) if wide else rung_counts(described)
        yield from (_line(line, "dim") for line in lines[:MOST_BRACKETS])
        if len(lines) > MOST_BRACKETS:
            yield _line(f"and {counted(len(lines) - MOST_BRACKETS, 'bracket')} more", "dim")
        yield from (_line(line, "dim") for line in self._footer(wide))

    def _total(self, wide: bool) -> Iterator[RenderableType]:
        steps, *left = self.progress.words()
        total, done = max(1, self.progress.planned), self.progress.done
        bar = ProgressBar(total, done, width=_TOTAL_BAR if wide else _BAR)
        yield _grid([bar, _line(", ".join([steps, *left]) if wide else steps)])
        yield from (_line(words) for words in left if not wide)

    def _table(self, wide: bool) -> Table:
        described, metric = self.described, self.described["config"]["searcher"]["metric"]
        table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
        for header in ["Trial", "State", *(["Rung"] if described["brackets"] else []), "Steps"]:
            table.add_column(header, no_wrap=True, overflow="ellipsis")
        # Where there is too little room, what may be wrapped is made narrower first; its cells are cut all the same.
        trials = self._shown()
        why = wide and any(it["stopped"] for it in trials)
        for header in [metric, *(["Stopped"] if why else []), *(["Hyperparameters"] if wide else [])]:
            table.add_column(_line(header))
        for trial in trials:
            stopped = [_line(why_stopped(trial))] if why else []
            hparams = [_line(searched_hparams(described, trial))] if wide else []
            table.add_row(*self._cells(trial, metric, wide), *stopped, *hparams)
        return table

    def _cells(self, trial: dict[str, Any], metric: str, wide: bool) -> Iterator[RenderableType]:
        described, value = self.described, metric_of(trial, metric)
        best = " *" if trial["id"] == described["best_trial"] else ""
        yield _line(f"{described['id']}/{trial['id']}{best}")
        done, target = steps_done(described, trial, self.batches), target_of(described, trial)
        if trial["id"] in self.batches:
            yield ProgressBar(max(1, target), done, width=_BAR)
        else:
            yield _line(trial_state(trial) if wide else trial["state"])
        if described["brackets"]:
            yield _line(place_of(trial) if wide else place_of(trial).partition(" ")[0])
        yield _line(f"{int(done)}/{target}")
        yield _line("" if value is None else brief(value))

    def _shown(self) -> list[dict[str, Any]]:
        """Returns the trials that run, or after a pause those that ran, and then the best of those that are over; the
        best is always among them.
        """
        trials = self.described["trials"]
        rows = max(1, min(self.rows, MOST_ROWS))
        over = ranked(self.described, [it for it in trials if it["state"] in OVER])
        begun = [it for it in trials if it["state"] not in OVER and it["steps_completed"]]
        running = [it for it in trials if it["id"] in self.batches] if self.batches else begun
        running = running[: rows - bool(over) or 1]
        return running + over[: rows - len(running)]

    def _footer(self, wide: bool) -> list[str]:
        best = best_trial(self.described)
        counts = [counts_words(self.described, self.batches, short=not wide)]
        if best is None:
            return counts
        told = [*counts, best_words(self.described, best)]
        return ["; ".join(told)] if wide else [*told, f"  {searched_hparams(self.described, best)}"]


def counts_words(described: dict[str, Any], batches: dict[int, int], short: bool = False) -> str:
    """Returns how many trials are done, run, wait and have failed; a `short` one has 40 columns for it."""
    trials, done = described["trials"], trials_done(described)
    failed = len(failed_trials(described))
    # The last batches of a trial may be told after its end.
    waiting = max(0, sum(it["state"] not in OVER for it in trials) - len(batches))
    counts = f"{done}/{len(trials)} done" if short else f"{done} of {counted(len(trials), 'trial')} done"
    return f"{counts}, {len(batches)} running, {waiting} waiting" + (f", {failed} failed" if failed else "")


def best_trial(described: dict[str, Any]) -> dict[str, Any] | None:
    """Returns the best trial so far; None while there is none."""
    return next((it for it in described["trials"] if it["id"] == described["best_trial"]), None)


def best_words(described: dict[str, Any], best: dict[str, Any]) -> str:
    """Returns the best trial's name and metric."""
    metric = described["config"]["searcher"]["metric"]
    return f"best: {described['id']}/{best['id']}, {metric} {brief(metric_of(best, metric))}"


def ranked(described: dict[str, Any], trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns trials from the best to the worst; those without a number come after, and those that failed last."""
    searcher = described["config"]["searcher"]

    def rank_of(trial: dict[str, Any]) -> Rank:
        if trial["state"] == "ERROR":
            return rank_of_failure(trial["id"])
        return rank(number(metric_of(trial, searcher["metric"])), trial["id"], searcher["smaller_is_better"])

    return sorted(trials, key=rank_of)


def _line(text: str, style: str = "") -> Text:
    return Text(escaped(text), style=style, no_wrap=True, overflow="ellipsis")


def _grid(cells: list[RenderableType]) -> Table:
    grid = Table.grid(padding=(0, 1, 0, 0))
    for _ in cells:
        grid.add_column(no_wrap=True, overflow="ellipsis")
    grid.add_row(*cells)
    return grid
