"""What a verification found, in lines for people: first what may be claimed, which is never more than was compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pedl.display.words import brief, counted
from pedl.experiment.difference import Difference, ProfileDifference
from pedl.numbered import numbered

if TYPE_CHECKING:
    from pedl.verify.result import TrialVerification, Verification


def first_line(experiment_id: int, trials: Sequence[int] | None) -> str:
    """Returns what is told before a verification runs; `trials` as `verify_experiment` takes them."""
    what = f"trial {experiment_id}/{trials[0]}" if trials and len(trials) == 1 else f"experiment {experiment_id}"
    return f"Running {what} again from its record ..."


def news_lines(experiment_id: int, news: TrialVerification | ProfileDifference) -> list[str]:
    """Returns what is told while a verification runs."""
    if isinstance(news, ProfileDifference):
        return [
            f"Numeric profile: {news.entry} was {brief(news.recorded)} when {_trials(news)} recorded, and is "
            f"{brief(news.found)} here; {news.can_cause}."
        ]
    result = "identical" if news.identical else "differs"
    return [f"trial {experiment_id}/{news.trial_id}: {result}, {_compared(news)}"]


def result_lines(found: Verification) -> list[str]:
    """Returns what a verification found, for people."""
    lines = [_head(found)]
    lines += [f"  {line}" for line in _all_compared(found)]
    lines += [
        f"The numeric profile differs in {it.entry}: {brief(it.recorded)} when {_trials(it)} recorded, "
        f"{brief(it.found)} here."
        for it in found.profile_differences
    ]
    if found.code_change is not None:
        lines.append(f"The recorded copy of the model definition was changed: {found.code_change}.")
    if found.difference is not None:
        lines += _told("The search", found.difference)
    for it in found.differing[:1]:
        lines += _told(f"Trial {found.experiment_id}/{it.trial_id}", it.difference)
    if others := ", ".join(f"{it.trial_id} ({_place(it.difference)})" for it in found.differing[1:]):
        lines.append(f"Other trials that differ: {others}.")
    return [*lines, *_left_out(found)]


def _trials(it: ProfileDifference) -> str:
    several = len(it.trial_ids) > 1
    return f"{'trials' if several else 'trial'} {numbered(it.trial_ids)} {'were' if several else 'was'}"


def _place(difference: Difference | None) -> str:
    assert difference is not None
    place = f"batch {difference.batch}"
    if difference.batch is None:
        place = f"step {difference.step}, {difference.what}" if difference.step else difference.what
    return f"{place}: {difference.cause}"


def _head(found: Verification) -> str:
    count, recorded = len(found.trials), found.recorded_trials
    if not found.identical:
        return f"{_subject(found)}: {_differing(found)}."
    which = f"{count} of {counted(recorded, 'trial')} " if 1 != count < recorded else ""
    ended = all(it.over for it in found.trials) and (found.over or count < recorded)
    return f"{_subject(found)}: {which}identical{'' if ended else ', as far as recorded'}."


def _subject(found: Verification) -> str:
    if len(found.trials) == 1 < found.recorded_trials and found.difference is None:
        return f"Trial {found.experiment_id}/{found.trials[0].trial_id}"
    return f"Experiment {found.experiment_id}"


def _differing(found: Verification) -> str:
    count, differing = len(found.trials), sum(not it.identical for it in found.trials)
    if not differing or _subject(found).startswith("Trial"):
        return "differs"
    again = " that were run again" if count < found.recorded_trials else ""
    return f"{differing} of {counted(count, 'trial')}{again} {'differs' if differing == 1 else 'differ'}"


def _left_out(found: Verification) -> list[str]:
    notes = [f"Trial {it.trial_id}: {it.note}." for it in found.trials if it.note]
    if not found.identical:
        return notes
    return [*(it for it in notes if it not in found.not_executed), *found.not_executed]


def _all_compared(found: Verification) -> list[str]:
    trials = found.trials
    single = f"{counted(sum(it.tensors for it in trials), 'tensor')} one by one"
    metrics = counted(sum(it.metrics for it in trials), "metric")
    checkpoints = counted(sum(it.checkpoints for it in trials), "checkpoint")
    weights = counted(sum(it.weights for it in trials), "trial")
    return [
        f"{counted(len(trials), 'trial')}, {counted(found.decisions, 'decision')} of the search",
        f"{counted(sum(it.batches for it in trials), 'batch')}: the data of each and all variables after it",
        f"{single}, {metrics}, {checkpoints}, the final weights of {weights}",
    ]


def _compared(it: TrialVerification) -> str:
    return f"{counted(it.steps, 'step')}, {counted(it.batches, 'batch')}, {counted(it.tensors, 'tensor')} compared"


def _told(who: str, difference: Difference | None) -> list[str]:
    assert difference is not None
    first, *rest = difference.message.splitlines()
    return [f"{who} differs first in {first}", *(f"  {line}" for line in rest)]
