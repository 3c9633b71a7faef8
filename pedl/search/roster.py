"""Which trials there are, what each was asked for, and which answers are news.

Results are delivered at least once, and some after their trial is over. A method looks only at what the roster takes
for news: the first report of a target, and the first failure of a trial that is being trained.
"""

from __future__ import annotations

from typing import Any

from pedl.search.method import Close, Create, Operation, Parent, Train


class Roster:
    """The trials of a search, by number."""

    def __init__(self) -> None:
        self.created = 0
        self._targets: dict[int, int] = {}
        self._waiting: set[int] = set()

    @property
    def all_over(self) -> bool:
        """True once trials were created and each of them is closed; a method may still create more."""
        return self.created > 0 and not self._targets and not self._waiting

    @property
    def waiting(self) -> int:
        """How many trials have answered, and were neither asked for more nor closed."""
        return len(self._waiting)

    def create(self, hparams: dict[str, Any], until_step: int, parent: Parent | None = None) -> list[Operation]:
        """Creates the trial with the next number, and asks for its first steps."""
        self.created += 1
        self._targets[self.created] = until_step
        return [Create(self.created, hparams, parent), Train(self.created, until_step)]

    def train(self, trial_id: int, until_step: int) -> Train:
        """Asks a trial that waits for more."""
        self._waiting.remove(trial_id)
        self._targets[trial_id] = until_step
        return Train(trial_id, until_step)

    def close(self, trial_id: int, reason: str = "") -> Close:
        """Ends a trial that waits."""
        self._waiting.remove(trial_id)
        return Close(trial_id, reason)

    def reports(self, trial_id: int, step: int) -> bool:
        """Takes a report in; tells whether it is the first that reaches the trial's target. The trial waits then.

        Raises:
          ValueError: if no such trial was created.
        """
        self._check(trial_id)
        target = self._targets.get(trial_id)
        return target is not None and step >= target and self._answers(trial_id)

    def fails(self, trial_id: int) -> bool:
        """Takes a failure in; tells whether the trial was being trained. It waits then, to be closed.

        Raises:
          ValueError: if no such trial was created.
        """
        self._check(trial_id)
        return trial_id in self._targets and self._answers(trial_id)

    def _answers(self, trial_id: int) -> bool:
        del self._targets[trial_id]
        self._waiting.add(trial_id)
        return True

    def _check(self, trial_id: int) -> None:
        if not 1 <= trial_id <= self.created:
            raise ValueError(f"trial {trial_id} was not created; there are {self.created} trials")
