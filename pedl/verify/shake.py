"""`pedl shake`: does this model definition keep its bits under everything that must not matter? And if not, what moves?

The first trial that the configuration would create is trained for a few batches, by the executor and the worker that
train it in an experiment, once as it is and then once under each disturbance. Runs are compared word by word. If the
bits move although nothing was disturbed, what differs from process to process is held still, one source after the
other, until they do not: that tells the cause, and the disturbances can be told apart again.

It reports, and blocks nothing. What it did not run, it does not claim.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pedl.config import ExperimentConfig
from pedl.experiment.create import settle
from pedl.experiment.decisions import Decisions
from pedl.verify.busy import busy
from pedl.verify.disturbances import SHAKEN, Disturbance, Maker, nothing
from pedl.verify.moved import Moved, moved
from pedl.verify.shake_place import ShakePlace
from pedl.verify.shake_source import Source, Suspect
from pedl.verify.short_runs import Recording, ShortRuns, Subject, Surroundings

BATCHES = 8
"""Batches of a run where nothing else is said."""

HELD = {
    "entropy": "the operating system's entropy",
    "clock": "the clock",
    "process": "the number of the process",
}
"""What differs from process to process, and can be held still."""


@dataclass(frozen=True)
class Finding:
    """What one disturbance did.

    Attributes:
      moved: the first bits that it moved; None: none.
      cause: what moves them, where that was shown by holding it still; "" otherwise.
      not_run: why it was not run; "" if it was.
    """

    disturbance: Disturbance
    moved: Moved | None
    cause: str = ""
    not_run: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {
            "disturbance": self.disturbance.name,
            "what": self.disturbance.what,
            "run": not self.not_run,
            "why_not_run": self.not_run or None,
            "moved": self.moved is not None,
            "held_by_pedl": self.disturbance.held or None,
            "cause": self.cause or None,
            "first": self.moved and self.moved.to_dict(),
        }


@dataclass
class Shaken:
    """The report.

    Attributes:
      hparams, trial_seed: of the trial that was run.
      batches: of each run.
      findings: one for each disturbance, `nothing` first.
      suspects: what was met on the way or read in the source: {"kind", "call", "file", "line"}.
    """

    hparams: dict[str, Any]
    trial_seed: int
    batches: int
    findings: list[Finding] = field(default_factory=list)
    suspects: list[Suspect] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether every disturbance was run, and none moved a bit."""
        return all(it.moved is None and not it.not_run for it in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain JSON."""
        return {
            "clean": self.clean,
            "batches": self.batches,
            "trial_seed": self.trial_seed,
            "hparams": self.hparams,
            "disturbances": [it.to_dict() for it in self.findings],
            "suspects": self.suspects,
        }


def shake(
    config: ExperimentConfig,
    model_definition: Path,
    *,
    seed: int | None = None,
    batches: int = BATCHES,
    on_finding: Callable[[Finding], None] = lambda finding: None,
    disturbances: Sequence[Maker] = SHAKEN,
    runs: ShortRuns | None = None,
) -> Shaken:
    """Shakes a model definition.

    Args:
      seed: the experiment seed; None: the configuration's, or a fresh one.
      batches: of each run, at least 2; an odd number is rounded up.
      on_finding: told of each disturbance when it is over.
      disturbances: those that it goes through, after `nothing`.
      runs: processes that stand ready, and stay so; None: they are started, and ended.

    Raises:
      ConfigError: if `seed` is out of its range.
      TrialDefinitionError: if the model definition is wrong, or fails although nothing is disturbed.
      TrialFailed: if the process that trains it is lost.
    """
    with tempfile.TemporaryDirectory(prefix="pedl-shake-") as name, ExitStack() as ends:
        place = ShakePlace(Path(name), model_definition)
        runs = ends.enter_context(ShortRuns(Path(name))) if runs is None else runs
        shaking = _Shaking(runs, place, _subject(settle(config, seed), place, max(2, batches + batches % 2)))
        shaken = shaking.report
        for finding in shaking.findings(disturbances):
            shaken.findings.append(finding)
            on_finding(finding)
        shaken.suspects = shaking.suspects()
        return shaken


def _subject(config: ExperimentConfig, place: ShakePlace, batches: int) -> Subject:
    experiment_seed = config.reproducibility.experiment_seed
    assert experiment_seed is not None  # settled
    decisions = Decisions(config, experiment_seed).start()
    first = next(payload for kind, trial_id, payload in decisions if kind == "trial_created" and trial_id == 1)
    return Subject(place.fresh(), config.to_dict(), first["hparams"], first["trial_seed"], batches)


class _Shaking:
    """One definition being shaken."""

    def __init__(self, runs: ShortRuns, place: ShakePlace, subject: Subject) -> None:
        self._runs, self._place, self._subject = runs, place, subject
        self._met: list[Suspect] = []
        self._held: dict[str, Any] = {}
        self.report = Shaken(subject.hparams, subject.trial_seed, subject.batches)

    def findings(self, disturbances: Sequence[Maker]) -> Iterator[Finding]:
        """Yields what each disturbance does, as soon as it is known."""
        self._reference = self._runs.reference(self._subject, self._place.source)
        self._met += self._reference.met
        undisturbed = self._undisturbed()
        yield undisturbed
        for maker in disturbances:
            disturbance = maker(str(self._place.elsewhere))
            if undisturbed.moved is not None and not undisturbed.cause:
                why = "bits move from run to run, and holding still what differs did not stop them"
                yield Finding(disturbance, None, not_run=why)
            else:
                yield self._disturbed(disturbance)

    def suspects(self) -> list[Suspect]:
        """Returns what was met and read, without listings that are sorted at once."""
        source = Source(self._place.untouched)
        met = [it for it in self._met if it["kind"] != "listing" or not source.is_sorted(it["file"], it["line"])]
        each = {(it["file"], it["line"], it["kind"]): it for it in [*source.suspects(), *met]}
        return [each[key] for key in sorted(each)]

    def _undisturbed(self) -> Finding:
        disturbance = nothing("")
        found = moved(self._reference, self._run(disturbance.surroundings))
        if found is None:
            return Finding(disturbance, None)
        for held in ([name] for name in HELD):
            if self._stands_still(held):
                return Finding(disturbance, found, cause=HELD[held[0]])
        if self._stands_still([*HELD]):
            return Finding(disturbance, found, cause=f"several of these: {', '.join(HELD.values())}")
        self._held = {}
        return Finding(disturbance, found)

    def _stands_still(self, sources: list[str]) -> bool:
        """Whether two runs are equal when these are held; if so, they are held from now on."""
        self._held = {"held": sources}
        one, other = self._run(Surroundings()), self._run(Surroundings())
        self._reference = one
        return moved(one, other) is None

    def _disturbed(self, disturbance: Disturbance) -> Finding:
        definition = self._place.fresh(disturbance.moved_definition)
        subject = replace(self._subject, definition=definition)
        if disturbance.after_another:
            self._runs.run(replace(subject, trial_seed=subject.trial_seed ^ 1), self._with_held(Surroundings()))
        with busy(disturbance.busy):
            done = self._runs.run(subject, self._with_held(disturbance.surroundings))
        self._met += done.met
        found = moved(self._reference, done, disturbance.surroundings.resumed)
        if found is not None and disturbance.surroundings.hash_seed and self._moves_in_another_server():
            disturbance = replace(
                disturbance, name="addresses", what="another process, in which objects have other addresses", held=""
            )
        return Finding(disturbance, found)

    def _moves_in_another_server(self) -> bool:
        """Whether it is not the hash seed, but that its processes are forked from another one."""
        with ShortRuns(self._place.elsewhere / "server") as runs:
            again = runs.run(replace(self._subject, definition=self._place.fresh()), self._with_held(Surroundings()))
        return moved(self._reference, again) is not None

    def _run(self, surroundings: Surroundings) -> Recording:
        subject = replace(self._subject, definition=self._place.fresh())
        done = self._runs.run(subject, self._with_held(surroundings))
        self._met += done.met
        return done

    def _with_held(self, surroundings: Surroundings) -> Surroundings:
        # First what is held, then what disturbs: a clock that stands still can be another one.
        disturb: Mapping[str, Any] = {**self._held, **surroundings.disturb}
        return replace(surroundings, disturb=disturb)
