"""When a checkpoint is due: by the period, and by what a validation says (`checkpoint_policy`).

One is always made at a trial's end and on a pause. It saves time and moves no bit, so a trial that goes on may decide
as it likes; it is told the best metric so far all the same, and decides as it would have without the interruption.
"""

from __future__ import annotations

import math
from typing import Any


class SavePolicy:
    """Decides for one attempt at a trial.

    Args:
      config: the experiment's configuration.
      best: the best value of the search's metric in the validations so far, None if there is none.
    """

    def __init__(self, config: dict[str, Any], best: float | None) -> None:
        self._policy = config["checkpoint_policy"]
        self._period = config["min_checkpoint_period"]
        self._metric = config["searcher"]["metric"]
        self._sign = 1 if config["searcher"]["smaller_is_better"] else -1
        self._best = math.inf if best is None else self._sign * best

    def wants(self, step: int, metrics: dict[str, Any] | None) -> bool:
        """Tells whether a checkpoint is due after `step` steps, with the metrics of a validation if there was one."""
        improved = metrics is not None and self._improves(metrics.get(self._metric))
        validated = metrics is not None and self._policy == "all"
        periodic = self._period is not None and step % self._period == 0
        return periodic or validated or (improved and self._policy == "best")

    def _improves(self, value: Any) -> bool:
        if not isinstance(value, int | float) or not self._sign * value < self._best:  # NaN is never the best
            return False
        self._best = self._sign * value
        return True
