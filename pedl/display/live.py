"""An experiment while it runs: a live table on a terminal, plain lines elsewhere. Both go to standard error.

A view is told that something happened, as often as it happens, and looks at the experiment a few times a second: what
it costs does not grow with the number of messages. The clock decides when something is shown, and nothing else.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Any, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from pedl.display.rungs import rung_lines
from pedl.display.trials import metric_of, searched_hparams, trial_state, trials_table
from pedl.display.words import brief, counted, pairs

REDRAW_S = 0.25
"""Seconds between two looks at an experiment."""

LOOKS_SHARE = 20
"""How many times longer than a look the pause after it is, at least."""

FRAME_ROWS = 6
"""Rows of a terminal that the table leaves to its title and to the prompt."""


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
        self._pause_s = REDRAW_S

    def update(self, experiment: Watched, last: bool = False) -> None:
        """Shows the experiment if the last look is long enough ago, or if this is the `last` one."""
        now = self._clock()
        if last or now - self._shown_at >= self._pause_s:
            self._show(experiment.describe(), experiment.batches)
            self._shown_at = self._clock()
            # An experiment of many thousand trials takes long to look at, and has better things to do.
            self._pause_s = max(REDRAW_S, LOOKS_SHARE * (self._shown_at - now))

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
    def _show(self, described: dict[str, Any], batches: dict[int, int]) -> None:
        """Shows the experiment, and the batches done by trials that run."""


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def live_view() -> View:
    """Returns the view that suits standard error."""
    console = Console(stderr=True)
    return TableView(console) if console.is_terminal else LineView()


class LineView(View):
    """A line for each step, validation, end and message of a trial, once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, write: Callable[[str], None] = _say) -> None:
        super().__init__(clock)
        self._write = write
        self._seen: dict[int, tuple[int, int, int, str]] = {}

    def start_from(self, experiment: Watched) -> None:
        described = experiment.describe()
        for trial in described["trials"]:
            self._news(described, trial)

    def tell(self, line: str) -> None:
        self._write(line)

    def _show(self, described: dict[str, Any], batches: dict[int, int]) -> None:
        for trial in described["trials"]:
            for line in self._news(described, trial):
                self._write(f"trial {described['id']}/{trial['id']}: {line}")

    def _news(self, described: dict[str, Any], trial: dict[str, Any]) -> list[str]:
        training, validation, messages = trial["training"], trial["validation"], trial["messages"]
        steps, validations, told, state = self._seen.get(trial["id"], (0, 0, 0, ""))
        self._seen[trial["id"]] = (len(training), len(validation), len(messages), trial["state"])
        news = []
        if training and not steps:
            news.append(f"trains with {searched_hparams(described, trial) or 'no hyperparameters'}")
        most = described["config"]["searcher"].get("max_steps")
        of = "" if most is None else f"/{most}"
        # By step, and a validation after the step that it follows: the order in which they happened.
        results = [(e["step"], f"step {e['step']}{of} {pairs(e['metrics'])}") for e in training[steps:]]
        results += [
            (e["step"], f"validation at step {e['step']}{of} {pairs(e['metrics'])}") for e in validation[validations:]
        ]
        news += [line for _, line in sorted(results, key=lambda result: result[0])]
        news += messages[told:]
        if state != trial["state"] and trial["state"] in ("COMPLETED", "ERROR"):
            news.append(trial_state(trial) + (f": {trial['stopped']}" if trial["stopped"] else ""))
        return news


class TableView(View):
    """A table that is drawn anew: trials that run, then the best of those that are done, as many as fit."""

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

    def _show(self, described: dict[str, Any], batches: dict[int, int]) -> None:
        rows = max(1, self._console.height - FRAME_ROWS - len(described["brackets"]))
        self._live.update(live_table(described, batches, rows), refresh=True)


def live_table(described: dict[str, Any], batches: dict[int, int], rows: int) -> Group:
    """Returns the table of a running experiment, with at most `rows` trials."""
    trials = described["trials"]
    running = [trial for trial in trials if trial["id"] in batches]
    over = [trial for trial in trials if trial["state"] in ("COMPLETED", "ERROR")]
    shown = (running + ranked(described, over))[:rows]
    current = [{**t, "batches_completed": max(t["batches_completed"], batches.get(t["id"], 0))} for t in shown]
    waiting = len(trials) - len(running) - len(over)
    footer = f"{len(over)} of {counted(len(trials), 'trial')} done, {len(running)} running, {waiting} waiting"
    if best := next((trial for trial in trials if trial["id"] == described["best_trial"]), None):
        metric = described["config"]["searcher"]["metric"]
        footer += f"; best: {described['id']}/{best['id']}, {metric} {brief(metric_of(best, metric))}"
    header = f"Experiment {described['id']}  {described['state']}  seed {described['experiment_seed']}"
    rungs = [Text(line, style="dim") for line in rung_lines(described)]
    return Group(Text(header, style="bold"), trials_table(described, current), *rungs, Text(footer, style="dim"))


def ranked(described: dict[str, Any], trials: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns trials from the best to the worst; those without a number as metric last."""
    searcher = described["config"]["searcher"]
    sign = 1 if searcher["smaller_is_better"] else -1

    def rank(trial: dict[str, Any]) -> tuple[bool, float, int]:
        value = metric_of(trial, searcher["metric"])
        number = isinstance(value, int | float)
        return (trial["state"] == "ERROR" or not number, sign * value if number else 0.0, trial["id"])

    return sorted(trials, key=rank)
