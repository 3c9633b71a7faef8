"""`pedl shake`: does this model definition keep its bits under everything that must not matter? And if not, what moves?

The first trial that the configuration would create is trained for a few batches, by the executor and the worker that
train it in an experiment, once as it is and then once under each disturbance. Runs are compared word by word. If the
bits move although nothing was disturbed, what differs from process to process is held still, one source after the
other, until they do not: that tells the cause, and the disturbances can be told apart again. Bits may move by
themselves now and then only: each move is held against two more runs in which nothing is disturbed, and where one of
them moves as well, all begins again with what differs held still.

It reports, and blocks nothing. What it did not run, it does not claim.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
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
from pedl.verify.shaken import Finding, Shaken
from pedl.verify.short_runs import Recording, ShortRuns, Subject, Surroundings

BATCHES = 8
"""Batches of a run where nothing else is said."""

HELD = {
    "entropy": "the operating system's entropy",
    "clock": "the clock",
    "process": "the number of the process",
}
"""What differs from process to process, and can be held still."""

EQUAL = 3
"""How many runs must be equal, for their bits to stand still. Of two outcomes, two runs have the same half the time."""


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
      on_finding: told of each disturbance when it is over; of `nothing` again, and of all after it, where bits turn out
        to move by themselves after all.
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
            if finding.disturbance.name == nothing("").name:
                shaken.findings.clear()
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
        self._unheld = [*([name] for name in HELD), [*HELD]]
        self.report = Shaken(subject.hparams, subject.trial_seed, subject.batches)

    def findings(self, disturbances: Sequence[Maker]) -> Iterator[Finding]:
        """Yields what each disturbance does, as soon as it is known: `nothing` first, and maybe again, see `shake`."""
        self._reference = self._runs.reference(self._subject, self._place.source)
        self._met += self._reference.met
        undisturbed = nothing("")
        found = moved(self._reference, self._run(undisturbed.surroundings))
        first = Finding(undisturbed, None) if found is None else self._cause(undisturbed, found)
        yield from self._after(first, disturbances)

    def _after(self, undisturbed: Finding, disturbances: Sequence[Maker]) -> Iterator[Finding]:
        yield undisturbed
        for maker in disturbances:
            disturbance = maker(str(self._place.elsewhere))
            if undisturbed.moved is not None and not undisturbed.cause:
                why = "bits move from run to run, and holding still what differs did not stop them"
                yield Finding(disturbance, None, not_run=why)
                continue
            found = self._disturbed(disturbance)
            alone = None if found is None else self._moves_alone()
            if alone is not None:
                again = replace(nothing(""), what="one of several runs, each another process later")
                yield from self._after(self._cause(again, alone), disturbances)
                return
            yield Finding(disturbance if found is None else self._by_its_name(disturbance), found)

    def suspects(self) -> list[Suspect]:
        """Returns what was met and read, without listings that are sorted at once."""
        source = Source(self._place.untouched)
        met = [it for it in self._met if it["kind"] != "listing" or not source.is_sorted(it["file"], it["line"])]
        each = {(it["file"], it["line"], it["kind"]): it for it in [*source.suspects(), *met]}
        return [each[key] for key in sorted(each)]

    def _cause(self, undisturbed: Disturbance, found: Moved) -> Finding:
        """Holds still what differs from process to process, one source after the other, until bits do not move."""
        while self._unheld:
            sources = self._unheld.pop(0)
            if self._stands_still(sources):
                names = ", ".join(HELD[it] for it in sources)
                cause = names if len(sources) == 1 else f"several of these: {names}"
                return Finding(undisturbed, found, cause=cause)
        self._held = {}
        return Finding(undisturbed, found)

    def _stands_still(self, sources: list[str]) -> bool:
        """Whether runs are equal when these are held; they are held from now on."""
        self._held = {"held": sources}
        self._reference = self._run(Surroundings())
        return self._moves_alone() is None

    def _moves_alone(self) -> Moved | None:
        """Returns what moves when the reference is run again, undisturbed; None if all are equal."""
        again = (moved(self._reference, self._run(Surroundings())) for _ in range(1, EQUAL))
        return next((found for found in again if found is not None), None)

    def _disturbed(self, disturbance: Disturbance) -> Moved | None:
        definition = self._place.fresh(disturbance.moved_definition)
        subject = replace(self._subject, definition=definition)
        if disturbance.after_another:
            self._runs.run(replace(subject, trial_seed=subject.trial_seed ^ 1), self._with_held(Surroundings()))
        with busy(disturbance.busy):
            done = self._runs.run(subject, self._with_held(disturbance.surroundings))
        self._met += done.met
        return moved(self._reference, done, disturbance.surroundings.resumed)

    def _by_its_name(self, disturbance: Disturbance) -> Disturbance:
        """Tells the hash seed, which has moved bits, from the addresses of the process that it takes."""
        if not disturbance.surroundings.hash_seed or not self._moves_in_another_server():
            return disturbance
        what = "another process, in which objects have other addresses"
        return replace(disturbance, name="addresses", what=what, held="")

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
