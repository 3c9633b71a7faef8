"""How far a search is, and how long the rest may take: an estimate for people, which nothing else looks at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pedl.config.brackets import Rung, cost

OVER = ("CANCELED", "COMPLETED", "ERROR")
"""States of a trial that is not trained any more."""

MIN_WATCHED_S = 3
"""A pace that was watched for less is not told."""


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Attributes:
      done: steps that were trained, parts of a step that is under way included.
      planned: steps that all trials will have at the end; with rungs an estimate.
      exact: whether `planned` does not depend on results.
      left_s: seconds that the rest will take at the pace so far; None where nothing is known, or nothing runs.
    """

    done: float
    planned: int
    exact: bool
    left_s: float | None

    def words(self) -> list[str]:
        """Returns it in a few words: `12 of 48 steps`, and where it can be told `about 3 min left`."""
        steps = f"{int(self.done):,} of {'' if self.exact else 'about '}{self.planned:,} steps"
        return [steps] if self.left_s is None else [steps, left_words(self.left_s)]


class Pace:
    """Watches a search go on, and tells how far it is."""

    def __init__(self) -> None:
        self._began: tuple[float, float] | None = None
        """The time and the steps when the first batch was seen: loading TensorFlow, before it, is no pace."""
        self._idle: float | None = None

    def look(self, described: dict[str, Any], batches: dict[int, int], now_s: float) -> Progress:
        """Returns how far the search is.

        Args:
          batches: batches done by the trials that run, by id.
          now_s: the time; only differences matter.
        """
        trials = described["trials"]
        done = sum(steps_done(described, trial, batches) for trial in trials)
        if self._idle is None:
            self._idle = done
        if self._began is None and done > self._idle:
            self._began = now_s, done
        planned = planned_steps(described)
        # Steps that a trial was to have and will not: it failed, or a callback has ended it.
        dropped = sum(target_of(described, it) - it["steps_completed"] for it in trials if it["state"] in OVER)
        # More may go on to a rung than was planned.
        certain = sum(max(0.0, target_of(described, it) - steps_done(described, it, batches)) for it in trials
                      if it["state"] not in OVER)  # fmt: skip
        left_s = self._left_s(max(certain, planned - dropped - done), done, now_s) if batches else None
        return Progress(done, max(planned, round(done + certain)), not described["brackets"], left_s)

    def _left_s(self, left: float, done: float, now_s: float) -> float | None:
        if self._began is None:
            return None
        watched_s, trained = now_s - self._began[0], done - self._began[1]
        return left * watched_s / trained if trained and watched_s >= MIN_WATCHED_S else None


def steps_done(described: dict[str, Any], trial: dict[str, Any], batches: dict[int, int]) -> float:
    """Returns the steps that a trial was trained for, and the part of the one that is under way."""
    under_way = batches.get(trial["id"], 0) / described["config"]["batches_per_step"]
    return float(max(trial["steps_completed"], under_way))


def target_of(described: dict[str, Any], trial: dict[str, Any]) -> int:
    """Returns the step that a trial is trained to, for now."""
    place = trial["rung"]
    if place is not None:
        steps: int = described["brackets"][place["bracket"] - 1]["rungs"][place["rung"] - 1]["steps"]
        return steps - _before(described, trial)
    return _longest(described)


def planned_steps(described: dict[str, Any]) -> int:
    """Returns the steps of all trials together, as `preview-search` counts them; at the end, of those there are."""
    if not described["brackets"]:
        over = described["state"] == "COMPLETED"  # a sampler that has suggested every point ends before `max_trials`
        most = 0 if over else described["config"]["searcher"].get("max_trials") or 0
        return _longest(described) * max(len(described["trials"]), most)
    brackets = ([Rung(it["steps"], it["trials"]) for it in bracket["rungs"]] for bracket in described["brackets"])
    return sum(cost(tuple(bracket)) for bracket in brackets)


def left_words(left_s: float) -> str:
    """Returns a time in the precision that an estimate has.

    >>> left_words(4), left_words(52), left_words(100), left_words(20_000), left_words(400_000)
    ('a few seconds left', 'about 50 s left', 'about 2 min left', 'about 6 h left', 'about 5 days left')
    """
    if left_s < 10:
        return "a few seconds left"
    for unit_s, name, most in ((10, "0 s", 9), (60, " min", 90), (3_600, " h", 36)):
        if round(left_s / unit_s) <= most:
            return f"about {round(left_s / unit_s)}{name} left"
    return f"about {round(left_s / 86_400)} days left"


def _longest(described: dict[str, Any]) -> int:
    searcher = described["config"]["searcher"]
    return int(searcher.get("max_steps") or searcher.get("targets", [0])[-1])


def _before(described: dict[str, Any], trial: dict[str, Any]) -> int:
    """Returns the steps of a clone's ancestors up to where it started: rungs count them, the clone does not."""
    steps = 0
    while trial["parent"] is not None:
        steps += trial["parent"]["step"]
        trial = described["trials"][trial["parent"]["trial_id"] - 1]
    return steps
