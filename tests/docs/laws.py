"""Makes docs/laws.md from what the tests are parametrized with: `python -m tests.docs.laws` writes it."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import Any

import pytest

from tests.docs.pages import ROOT
from tests.promises import test_a_cut_mechanism_is_noticed as cut
from tests.promises import test_chaos as chaos
from tests.promises import test_killed_and_activated_gives_the_same_outcome as killed
from tests.promises import test_one_outcome_for_any_width_and_place as one_outcome
from tests.trial import test_callbacks, test_datasets, test_models, test_run, test_sequences
from tests.trial.alone import WORKLOADS

PAGE = ROOT / "docs" / "laws.md"
RESUMED_AT = ("name", "place")


def values(test: FunctionType, *names: str) -> list[Any]:
    """Returns what pytest gives a test for its parameters `names`, one after the other."""
    return [_plain(it) for it in _given(test, *names)]


def by_default(test: FunctionType, *names: str) -> list[Any]:
    """Returns those of `values` that are not of the long run alone."""
    return [_plain(it) for it in _given(test, *names) if pytest.mark.soak not in getattr(it, "marks", ())]


def _given(test: FunctionType, *names: str) -> list[Any]:
    marks = {mark.args[0]: mark.args[1] for mark in test.pytestmark if mark.name == "parametrize"}
    return list(marks[names if len(names) > 1 else names[0]])


def _plain(value: Any) -> Any:
    """Returns what `pytest.param` holds."""
    if not hasattr(value, "marks"):
        return value
    return value.values if len(value.values) > 1 else value.values[0]


def _by_name(test: FunctionType) -> Callable[[str], str]:
    def cell(name: str) -> str:
        if name not in values(test, "name"):
            return ""
        return f"`[{name}]`" + ("" if name in by_default(test, "name") else ", long run")

    return cell


def _resumed(name: str) -> str:
    test = test_run.test_resumed_is_uninterrupted
    always, all_places = (
        [place for workload, place in given(test, *RESUMED_AT) if workload == name] for given in (by_default, values)
    )
    return f"`[{name}-...]`: {' and '.join(always)}; long run: {len(all_places)} places" if all_places else ""


def _experiment(name: str) -> str:
    always, every = (it["hyperparameters"]["workload"]["vals"] for it in (one_outcome.SHORTER, one_outcome.CONFIG))
    return "always" if name in always else "long run" if name in every else ""


def _killed(name: str) -> str:
    if name in [killed.KINDS[kind] for kind in killed.CONFIG["hyperparameters"]["kind"]["vals"]]:
        return "always"
    return "long run" if name in chaos.EPOCH else ""


def _cut(name: str) -> str:
    test = cut.test_a_forgotten_piece_of_state_changes_the_fingerprint
    forgotten = [sabotage for workload, sabotage in values(test, "workload", "sabotage") if workload == name]
    return ", ".join(it.removeprefix("forget_").removesuffix("_of_a_graph").replace("_", " ") for it in forgotten)


LAWS: list[tuple[str, tuple[FunctionType, ...], Callable[[str], str]]] = [
    (
        "another process, other portions",
        (test_run.test_another_process_and_other_portions_give_the_same_bits,),
        _by_name(test_run.test_another_process_and_other_portions_give_the_same_bits),
    ),
    ("another seed", (test_run.test_another_seed_has_other_bits,), _by_name(test_run.test_another_seed_has_other_bits)),
    (
        "validation leaves no trace",
        (test_run.test_validation_leaves_no_trace_and_repeats_its_numbers,),
        _by_name(test_run.test_validation_leaves_no_trace_and_repeats_its_numbers),
    ),
    ("resumed", (test_run.test_resumed_is_uninterrupted,), _resumed),
    (
        "one outcome",
        (
            one_outcome.test_two_workers_give_the_outcome_of_one_on_a_busy_machine_too,
            one_outcome.test_another_place_and_one_core_give_the_same_outcome,
            one_outcome.test_another_seed_gives_another_outcome_and_other_weights_to_every_trial,
            one_outcome.test_a_trial_run_alone_has_the_weights_that_it_has_among_others,
        ),
        _experiment,
    ),
    (
        "killed and activated",
        (
            killed.test_kills_at_random_moments_change_nothing,
            chaos.test_hundreds_of_kills_and_every_crash_point_change_nothing_in_any_workload,
        ),
        _killed,
    ),
    ("forgotten, and noticed", (cut.test_a_forgotten_piece_of_state_changes_the_fingerprint,), _cut),
]
"""(column, the tests that hold the law, workload -> the cell)."""

RESUMED = [
    ("model", "kind", test_models.test_each_kind_of_model_goes_on_exactly),
    ("`tf.data`", "pipeline", test_datasets.test_each_pipeline_goes_on_exactly_in_its_second_epoch),
    ("callbacks", "kinds", test_callbacks.test_each_callback_with_a_state_goes_on_exactly),
]
"""(of what, parameter, test)."""

OPENING = """\
# Which law is tried on what

Every row is a trial of `tests/workloads/`, every column a law that holds for each of them. The page is made from what
the tests are parametrized with, by `python -m tests.docs.laws`; a test fails when it is not what they are.

"""

RESUMED_OPENING = """
## What else is resumed

Each is trained on in a new process from a checkpoint in mid-epoch, and has the bits of a trial that was never
interrupted.

"""


def page() -> str:
    """Returns the text of the page."""
    laws = [[f"*{law}*", "<br>".join(map(shown, tests))] for law, tests, _ in LAWS]
    rows = [[f"`{name}`", content(name), *(cell(name) or "-" for _, _, cell in LAWS)] for name in one_outcome.EPOCH]
    places = ", ".join(dict.fromkeys(place for _, place in values(test_run.test_resumed_is_uninterrupted, *RESUMED_AT)))
    same = test_sequences.test_processes_give_the_batches_of_one_worker
    on = test_sequences.test_processes_resume_in_the_middle_of_an_epoch
    resumed = [[what, _named(value), shown(test)] for what, name, test in RESUMED for value in values(test, name)]
    return (
        OPENING
        + _table(["law", "tests"], laws)
        + f"\nThe places where a trial is resumed are batch {places}. The long run is `pytest -m soak`; "
        + "the rest is run by `.ci/run`, and a part of it by a plain `pytest`. "
        + "`processes` is `sequence` batch by batch: "
        + f"{shown(same)}, and {shown(on)}.\n\n"
        + _table(["workload", "what is in it", *(law for law, _, _ in LAWS)], rows)
        + RESUMED_OPENING
        + _table(["of what", "which", "test"], resumed)
    )


def content(workload: str) -> str:
    """Returns the first sentence of what a workload says of itself."""
    said = ast.get_docstring(ast.parse((WORKLOADS / f"{workload}.py").read_text())) or ""
    return " ".join(said.partition("\n\n")[0].split())


def shown(test: FunctionType) -> str:
    """Returns a test's file and name."""
    file = inspect.getsourcefile(test) or ""
    return f"`{test.__name__}` in `{file.removeprefix(f'{ROOT}/')}`"


def _named(value: Any) -> str:
    if isinstance(value, str):
        return f"`{value}`: {test_models.KINDS[value]}" if value in test_models.KINDS else f"`{value}`"
    return " and ".join(f"`{it}`" for it in value)


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *map(list, rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [lines[0], ["---"] * len(lines[0]), *lines[1:]]) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
