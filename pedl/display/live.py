"""An experiment while it runs: a live board on a terminal, plain lines elsewhere. Both go to standard error.

A view is told that something happened, as often as it happens, and looks at the experiment a few times a second: what
it costs does not grow with the number of messages. The clock decides when something is shown, and nothing else.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from pedl.display.board import FRAME_ROWS, MOST_BRACKETS, Board, best_trial, best_words, counts_words
from pedl.display.pace import OVER, Pace, Progress, target_of
from pedl.display.trials import searched_hparams, trial_state, trials_done
from pedl.display.words import pairs

REDRAW_S = 0.25
"""Seconds between two looks at an experiment."""

TOLD_S = 30.0
"""Seconds between two lines that tell how far a search is, at most, while it is looked at; an end tells it at once."""

PAUSING = "Pausing: trials save a checkpoint at the end of a step; Ctrl-C again stops at once."

LOOKS_SHARE = 20
"""How many times longer than a look the pause after it is, at least."""


class Watched(Protocol):
    """What a view needs of an experiment."""

    batches: dict[int, int]

    def describe(self) -> dict[str, Any]:
        """Returns the experiment as `describe --json` prints it."""


class View(ABC):
    """Shows an experiment for the length of a `with`.

    Args:
      clock: returns seconds; only differences matter.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._shown_at = float("-inf")
        self._looked_at = float("-inf")
        self._pause_s = REDRAW_S
        self._pace = Pace()

    def update(self, experiment: Watched, last: bool = False) -> None:
        """Shows the experiment if the last look is long enough ago, or if this is the `last` one."""
        now = self._clock()
        if last or now - self._shown_at >= self._pause_s:
            self._looked_at = now
            described, batches = experiment.describe(), experiment.batches
            self._show(described, batches, self._pace.look(described, batches, now))
            self._shown_at = self._clock()
            # An experiment of many thousand trials takes long to look at, and has better things to do.
            self._pause_s = max(REDRAW_S, LOOKS_SHARE * (self._shown_at - now))

    @property
    def has_shown(self) -> bool:
        """Whether it has looked at the experiment yet."""
        return self._shown_at > float("-inf")

    def start_from(self, experiment: Watched) -> None:
        """Takes what has happened before as known: it is not told again as if it happened now."""
        return

    def __enter__(self) -> View:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return None

    @abstractmethod
    def tell(self, line: str) -> None:
        """Shows a line at once."""

    @abstractmethod
    def _show(self, described: dict[str, Any], batches: dict[int, int], progress: Progress) -> None:
        """Shows the experiment, the batches done by trials that run, and how far it is."""


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


class LineView(View):
    """A line for each step, validation, promotion, end and message of a trial, once.

    After an end, and from time to time, it tells how far the search is.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, write: Callable[[str], None] = _say) -> None:
        super().__init__(clock)
        self._write = write
        self._seen: dict[int, tuple[int, int, int, int, str]] = {}
        self._done = 0
        self._told_at: float | None = None

    def start_from(self, experiment: Watched) -> None:
        described = experiment.describe()
        for trial in described["trials"]:
            self._news(described, trial)
        self._done = trials_done(described)

    def tell(self, line: str) -> None:
        self._write(line)

    def _show(self, described: dict[str, Any], batches: dict[int, int], progress: Progress) -> None:
        for trial in described["trials"]:
            for line in self._news(described, trial):
                self._write(f"trial {described['id']}/{trial['id']}: {line}")
        if self._told_at is None:
            self._told_at = self._looked_at
        if self._done < (done := trials_done(described)) or self._looked_at - self._told_at >= TOLD_S:
            best = best_trial(described)
            told = [counts_words(described, batches), *([] if best is None else [best_words(described, best)])]
            self._write("; ".join([*told, *progress.words()]))
            self._done, self._told_at = done, self._looked_at

    def _news(self, described: dict[str, Any], trial: dict[str, Any]) -> list[str]:
        training, validation, messages = trial["training"], trial["validation"], trial["messages"]
        rung = 1 if trial["rung"] is None else trial["rung"]["rung"]
        began = (0, 0, 0, 1 if trial["parent"] is None else rung, "")  # a clone begins where its parent was
        steps, validations, told, rung_before, state = self._seen.get(trial["id"], began)
        self._seen[trial["id"]] = (len(training), len(validation), len(messages), rung, trial["state"])
        news = []
        if training and not steps:
            news.append(f"trains with {searched_hparams(described, trial) or 'no hyperparameters'}")
        most = described["config"]["searcher"].get("max_steps")
        of = "" if most is None else f"/{most}"
        # By step, a validation after the step that it follows, and what it led to: the order in which they happened.
        results = [(e["step"], f"step {e['step']}{of} {pairs(e['metrics'])}") for e in training[steps:]]
        results += [
            (e["step"], f"validation at step {e['step']}{of} {pairs(e['metrics'])}") for e in validation[validations:]
        ]
        results += _promotions(described, trial, rung_before)
        news += [line for _, line in sorted(results, key=lambda result: result[0])]
        news += messages[told:]
        if state != trial["state"] and trial["state"] in OVER:
            news.append(trial_state(trial) + (f": {trial['stopped']}" if trial["stopped"] else ""))
        return news


def _promotions(described: dict[str, Any], trial: dict[str, Any], before: int) -> Iterator[tuple[int, str]]:
    """Yields the step and a line for each rung that a trial has gone on to since it was at rung `before`, from 1."""
    if (place := trial["rung"]) is None:
        return
    steps = [it["steps"] for it in described["brackets"][place["bracket"] - 1]["rungs"]]
    of_parents = steps[place["rung"] - 1] - target_of(described, trial)
    for left in range(before, place["rung"]):
        target = steps[left] - of_parents
        yield steps[left - 1] - of_parents, f"goes on to rung {left + 1}/{place['rungs']}, up to step {target}"


class TableView(View):
    """A board that is drawn anew, in the place of the one before."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(clock)
        self._console = console
        self._live = Live(console=console, auto_refresh=False)

    def __enter__(self) -> View:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def tell(self, line: str) -> None:
        self._console.print(Text(line))  # above the table

    def _show(self, described: dict[str, Any], batches: dict[int, int], progress: Progress) -> None:
        rows = self._console.height - FRAME_ROWS - min(MOST_BRACKETS + 1, len(described["brackets"]))
        self._live.update(Board(described, batches, progress, rows), refresh=True)
