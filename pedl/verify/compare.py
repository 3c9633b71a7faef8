"""Two experiments, or two trials, side by side, from what was recorded of them; nothing is run.

Compared in the order in which one thing follows from another: configuration, code, numeric profile, decisions, batches
(initial weights, data, variables), metrics, weights. The first that differs explains what differs after it. All that
`outcome_sha256` covers is compared: what is identical has one outcome.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from pedl.errors import InputError
from pedl.experiment import Experiment
from pedl.experiment.diagnosis import Circumstances
from pedl.experiment.fold import ENDED, ExperimentState, fold, the_trial
from pedl.experiment.trial_state import TrialState
from pedl.verify.trial_pairs import Pair, batches, decisions, given, metrics, over, profiles, unequal, weights

_FOR_PEOPLE = ("description:", "labels:")
"""Fields of a configuration that nothing follows from."""

_TRAINED_WITH = (
    "data", "entrypoint", "batches_per_step", "min_validation_period", "environment.", "searcher.source_",
    "reproducibility.experiment_seed", "reproducibility.fingerprint",
)  # fmt: skip
"""How fields begin that batches, and what is recorded of them, follow from. What the others lead to is compared trial
by trial (hyperparameters, decisions, numeric profile), or no bit hangs on it."""


@dataclass(frozen=True)
class Section:
    """One thing that was compared.

    Attributes:
      differences: a line for each difference, with both sides; none if both are equal.
    """

    name: str
    differences: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether both sides are equal."""
        return not self.differences


@dataclass(frozen=True)
class Comparison:
    """Two sides, and what was compared, causes before consequences.

    Attributes:
      batches: how many were recorded on the one side, all trials together; as many on the other, if nothing differs.
      over: whether neither side may go on.
    """

    one: str
    other: str
    sections: tuple[Section, ...]
    batches: int
    over: bool

    @property
    def identical(self) -> bool:
        """Whether nothing differs."""
        return all(section.equal for section in self.sections)

    @property
    def first(self) -> Section | None:
        """The first section that differs."""
        return next((section for section in self.sections if not section.equal), None)

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON, as `pedl experiment compare --json` prints it."""
        return {
            "one": self.one,
            "other": self.other,
            "identical": self.identical,
            "over": self.over,
            "batches": self.batches,
            "first": None if self.first is None else self.first.name,
            "sections": [
                {"name": it.name, "equal": it.equal, "differences": list(it.differences)} for it in self.sections
            ],
        }


@dataclass(frozen=True)
class Side:
    """An experiment, or one trial of it."""

    experiment: Experiment
    trial_id: int | None = None

    @property
    def name(self) -> str:
        """ID, or E/T."""
        return str(self.experiment.id) if self.trial_id is None else f"{self.experiment.id}/{self.trial_id}"


def compare(one: Side, other: Side) -> Comparison:
    """Compares what was recorded of two experiments, or of two trials.

    Raises:
      InputError: if one side is an experiment and the other a trial.
      StoreError: if there is no such trial.
    """
    if (one.trial_id is None) != (other.trial_id is None):
        raise InputError(f"{one.name} and {other.name}: expected two experiments, such as 1 2, or two trials, 1/3 2/3.")
    states = [fold(side.experiment.home.events(side.experiment.id)) for side in (one, other)]
    pairs = _pairs(one, other, states)
    configuration, code = list(_configuration(states)), list(_code(one, other, states))
    trained_with = [("configuration", line) for line in configuration if line.startswith(_TRAINED_WITH)]

    def batches_of(left: TrialState, right: TrialState) -> str | None:
        known = (*given(left, right), *trained_with)
        return batches(left, right, Circumstances(code[0] if code else None, profiles(left, right), given=known))

    sections = [
        Section("configuration", tuple(configuration)),
        Section("code", tuple(code)),
        Section("numeric profile", tuple(dict.fromkeys(_profiles(pairs)))),
        Section("decisions", (*_states(one, states), *decisions(pairs))),
        Section("batches", tuple(over(pairs, batches_of))),
        Section("metrics", tuple(over(pairs, metrics))),
        Section("weights", tuple(over(pairs, weights))),
    ]
    recorded = sum(it.batches_completed for it, _ in pairs if it is not None)
    return Comparison(one.name, other.name, tuple(sections), recorded, all(state.state in ENDED for state in states))


def _pairs(one: Side, other: Side, states: list[ExperimentState]) -> list[Pair]:
    if one.trial_id is not None and other.trial_id is not None:
        left = the_trial(one.experiment.id, states[0], one.trial_id)
        return [(left, the_trial(other.experiment.id, states[1], other.trial_id))]
    numbers = sorted({*states[0].trials, *states[1].trials})
    return [(states[0].trials.get(number), states[1].trials.get(number)) for number in numbers]


def _configuration(states: list[ExperimentState]) -> Iterator[str]:
    nothing_follows = (*_FOR_PEOPLE, "entrypoint:") if _the_only_class(states) else _FOR_PEOPLE
    for line in unequal(*(state.created["config"] for state in states)):
        if not line.startswith(nothing_follows):
            yield line


def _the_only_class(states: list[ExperimentState]) -> bool:
    """Tells whether one side names the class that the other takes as the only one of the same file."""
    created = [state.created for state in states]
    return (
        any(it["config"]["entrypoint"] is None for it in created)
        and all(it["config"]["entrypoints"] is None for it in created)
        and created[0]["model_definition_files"] == created[1]["model_definition_files"]
        and len({_module(it) for it in created}) == 1
    )


def _module(created: dict[str, Any]) -> str:
    """Returns the module of an experiment's class: where none is named, the file's, the package's or `model_def`."""
    if (named := created["config"]["entrypoint"]) is not None:
        return str(named.partition(":")[0])
    package = "__init__.py" if "__init__.py" in created["model_definition_files"] else "model_def.py"
    return Path(created["model_definition_file"] or package).stem


def _code(one: Side, other: Side, states: list[ExperimentState]) -> Iterator[str]:
    files = [state.created["model_definition_files"] for state in states]
    copies = [side.experiment.home.paths(side.experiment.id).model_definition for side in (one, other)]
    for name in sorted({*files[0], *files[1]}):
        if name not in files[0] or name not in files[1]:
            yield f"{name} is in {one.name if name in files[0] else other.name} alone"
        elif files[0][name] != files[1][name]:
            yield f"{name}{_first_line(*(copy / name for copy in copies))}"


def _first_line(one: Path, other: Path) -> str:
    """Returns where two files differ first, if both can be read as text."""
    try:
        lines = [path.read_text(encoding="utf-8").splitlines() for path in (one, other)]
    except (OSError, UnicodeDecodeError):
        return " differs"
    for number, (left, right) in enumerate(zip_longest(*lines), start=1):
        if left != right:
            return f", line {number}: {_quoted(left)} and {_quoted(right)}"
    return " differs in line endings"


def _quoted(line: str | None) -> str:
    return "nothing" if line is None else repr(line.strip())


def _profiles(pairs: Iterable[Pair]) -> Iterator[str]:
    for one, other in pairs:
        if one is not None and other is not None:
            yield from (f"{it.entry}: {it.recorded} and {it.found}" for it in profiles(one, other))


def _states(one: Side, states: list[ExperimentState]) -> Iterator[str]:
    """An experiment that is over has an outcome, and one that may go on has none."""
    if one.trial_id is None and (states[0].state in ENDED) != (states[1].state in ENDED):
        yield f"state: {states[0].state} and {states[1].state}"
