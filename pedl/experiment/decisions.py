"""From results to decisions: the search, told by the event log what happened.

The search is never stored. It is told the results in the log, in order, and decides again; what it decides must be
what the log says it decided. So a crash between a result and its decision loses nothing: the decision is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from pedl import jsontext
from pedl.config import ExperimentConfig
from pedl.errors import StoreError
from pedl.experiment.fold import ExperimentState, fold
from pedl.experiment.profile import SUGGESTING, differences
from pedl.experiment.ranking import searcher_metric
from pedl.experiment.trial_state import TrialState, reached_step
from pedl.search import Close, Create, Operation, Train, make_search
from pedl.seeds import trial_seed
from pedl.store import Draft, Event

DECISIONS = ("trial_created", "trial_targeted", "trial_closed")
"""The kinds of event that the search causes."""

_WORDS = {"trial_created": "create", "trial_targeted": "train", "trial_closed": "close"}


class Decisions:
    """The search of one experiment, and what it has decided so far."""

    def __init__(self, config: ExperimentConfig, experiment_seed: int) -> None:
        self._experiment_seed = experiment_seed
        self._method = make_search(config.searcher, config.hyperparameters, experiment_seed)

    @property
    def finished(self) -> bool:
        return self._method.finished

    @property
    def waiting(self) -> int:
        return self._method.waiting

    def start(self) -> list[Draft]:
        """Returns the decisions that need no result."""
        return self._drafts(self._method.start())

    def after(self, kind: str, state: ExperimentState, trial: TrialState, payload: dict[str, Any]) -> list[Draft]:
        """Returns the decisions that follow from an event that `state` has taken in already."""
        if kind == "reached":
            metric = searcher_metric(state, trial, payload["step"])
            return self._drafts(self._method.report(trial.id, reached_step(payload), metric))
        if kind in ("failed", "violation"):
            return self._drafts(self._method.fail(trial.id))
        return []

    def catch_up(self, events: Sequence[Event]) -> list[Draft]:
        """Tells a search that has not started everything in the log; returns decisions that the log lacks yet.

        Raises:
          StoreError: if the log holds other decisions than the search makes: another version wrote it.
        """
        made, recorded = self.again(events)
        at = first_disagreement(made, recorded)
        if at is not None:
            raise StoreError(
                f"Decision {at + 1} of the search is recorded as `{_in_words(recorded[at])}`, but is made as "
                f"`{_in_words(made[at]) if at < len(made) else 'nothing'}`.\n{_way_back(fold(events))}"
            )
        return made[len(recorded) :]

    def again(self, events: Iterable[Event]) -> tuple[list[Draft], list[Draft]]:
        """Tells a search that has not started everything in the log; returns what it decides, and what is recorded."""
        state = ExperimentState()
        made, recorded = self.start(), list[Draft]()
        for event in events:
            state.apply(event.kind, event.trial_id, event.payload)
            if event.kind in DECISIONS:
                recorded.append((event.kind, event.trial_id, event.payload))
            elif event.trial_id is not None:
                made += self.after(event.kind, state, state.trials[event.trial_id], event.payload)
        return made, recorded

    def _drafts(self, operations: list[Operation]) -> list[Draft]:
        return [self._draft(operation) for operation in operations]

    def _draft(self, operation: Operation) -> Draft:
        if isinstance(operation, Create):
            return "trial_created", operation.trial_id, self._created(operation)
        if isinstance(operation, Train):
            return "trial_targeted", operation.trial_id, {"until_step": operation.until_step}
        assert isinstance(operation, Close)
        return "trial_closed", operation.trial_id, {"reason": operation.reason} if operation.reason else {}

    def _created(self, operation: Create) -> dict[str, Any]:
        seed = operation.seed
        if seed is None:
            seed = trial_seed(self._experiment_seed, operation.trial_id)
        payload = {"hparams": operation.hparams, "trial_seed": seed}
        if operation.parent is not None:
            payload["parent"] = asdict(operation.parent)
        if operation.streams:
            payload["streams"] = operation.streams
        return payload


def first_disagreement(made: Sequence[Draft], recorded: Sequence[Draft]) -> int | None:
    """Returns the position of the first recorded decision that is not made so; None: there is none."""
    texts = [jsontext.dumps(list(decision)) for decision in made]
    for at, decision in enumerate(recorded):
        if at >= len(texts) or texts[at] != jsontext.dumps(list(decision)):
            return at
    return None


def _in_words(decision: Draft) -> str:
    """Returns a decision for people, such as `to train trial 1 (until_step: 4)`."""
    kind, trial_id, payload = decision
    details = ", ".join(f"{path}: {value}" for path, value in jsontext.flat(jsontext.canonical(payload)).items())
    return f"to {_WORDS[kind]} trial {trial_id}" + (f" ({details})" if details else "")


def _way_back(state: ExperimentState) -> str:
    """Returns why the decisions of an experiment are other ones here, as far as its record tells, and what to do."""
    if state.created["config"]["searcher"]["name"] != "optuna":
        return "The experiment was written by a version of pedl that decides differently; go on with that one."
    recorded = {name: it for name, it in state.numeric_profile.items() if name in SUGGESTING}
    changed = differences(recorded, {name: version(name) for name in recorded})
    if not changed:
        return (
            "Optuna and NumPy are the recorded ones, so it is another processor, or another version of a package that "
            "the sampler uses or of pedl, that decides differently; go on where the experiment was written."
        )
    install = " ".join(f"{name}=={it}" for name, it in sorted(recorded.items()) if version(name) != it)
    return f"It depends on versions: {'; '.join(changed)}.\nGo back to the recorded ones with: pip install {install}"
