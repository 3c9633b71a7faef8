"""Each planted fault is found, with its disturbance, file and line; the twins without it are clean."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pedl.config import parse_config
from pedl.errors import TrialDefinitionError, TrialFailed
from pedl.verify.disturbances import SHAKEN
from pedl.verify.shake import HELD, shake
from pedl.verify.shaken import Shaken
from pedl.verify.short_runs import Recording, ShortRuns, Subject, Surroundings
from tests.verify.planted import FAULTS, Planted

CONFIG = parse_config(
    {
        "searcher": {"name": "single", "metric": "loss", "max_steps": 1},
        "reproducibility": {"experiment_seed": 3, "onednn": False},
    }
)
NAMED = {maker("").name: maker for maker in SHAKEN}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with ShortRuns(tmp_path_factory.mktemp("runs")) as ready:
        yield ready


def shaken(definition: Path, runs: ShortRuns, *names: str) -> Shaken:
    return shake(CONFIG, definition, batches=4, disturbances=[NAMED[name] for name in names], runs=runs)


def moved(report: Shaken) -> list[str]:
    return [it.disturbance.name for it in report.findings if it.moved is not None]


SHORT = ("the order of a directory",)
"""What a plain `pytest` takes."""

EACH = [
    pytest.param(fault, id=name, marks=[] if name in SHORT else [pytest.mark.long]) for name, fault in FAULTS.items()
]


@pytest.mark.parametrize("fault", EACH)
def test_a_planted_fault_is_found_with_its_disturbance_file_and_line(
    fault: Planted, tmp_path: Path, runs: ShortRuns
) -> None:
    definition = fault.write(tmp_path / "definition")
    report = shaken(definition, runs, "resumed" if fault.moved == "nothing" else fault.moved)
    assert moved(report) == [fault.moved]
    assert not report.clean
    (found,) = (it for it in report.findings if it.moved is not None)
    first = 3 if fault.moved == "resumed" else 1
    assert (found.moved.what, found.moved.batch) == ("data", first)
    assert found.moved.tensors[:2] == ("0:sequential/out/kernel", "1:sequential/out/bias")
    assert found.cause == fault.cause
    at = [(it["file"], it["line"]) for it in report.suspects if it["kind"] == fault.kind]
    assert ("model_def.py", fault.line(definition)) in at
    assert bool(found.disturbance.held) == (fault.moved == "hash seed")


@pytest.mark.long
def test_all_twins_together_are_clean_under_everything(tmp_path: Path, runs: ShortRuns) -> None:
    twins = list(FAULTS.values())
    definition = twins[-1].write(tmp_path / "definition", twin=True)
    text = (definition / "model_def.py").read_text()
    values = [it for it in twins if "def value" in it.twin]
    for number, it in enumerate(values):
        twin = it.twin.replace("def value", f"def value{number}")
        text = text.replace("\n\nclass Planted", f"\n\n{it.imports}\n\n\n{twin}\n\n\nclass Planted", 1)
    every = " + ".join(f"value{number}()" for number in range(len(values)))
    (definition / "model_def.py").write_text(text.replace("value() %", f"({every}) %"))
    report = shaken(definition, runs, *NAMED)
    assert moved(report) == []
    assert report.clean
    # What they do ask is still told: the time of a fixed second, and a cache of the trial's own.
    assert {it["kind"] for it in report.suspects} == {"clock", "file"}


@pytest.mark.soak
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_no_other_disturbance_moves_it_and_the_twin_is_clean(fault: Planted, tmp_path: Path, runs: ShortRuns) -> None:
    report = shaken(fault.write(tmp_path / "fault"), runs, *NAMED)
    too = {"the clock": ["clock"]}.get(fault.cause, [])
    some_hours = ["time zone"] if "today()" in fault.value else []  # when it is another day elsewhere
    found = [name for name in moved(report) if name not in some_hours]
    assert found == [name for name in ("nothing", *NAMED) if name in (fault.moved, *too)]
    twin = shaken(fault.write(tmp_path / "twin", twin=True), runs, *NAMED)
    assert moved(twin) == []
    assert fault.kind not in {it["kind"] for it in twin.suspects} - {"clock", "file"}


@pytest.mark.long
def test_what_differs_in_a_way_that_cannot_be_held_still_leaves_the_rest_untold(
    tmp_path: Path, runs: ShortRuns
) -> None:
    number = tmp_path / "number.txt"
    number.write_text("1")
    source = f"""\
def value():
    number = int(Path({str(number)!r}).read_text())
    Path({str(number)!r}).write_text(str(number + 1))
    return number"""
    fault = Planted("nothing", "", "from pathlib import Path", source, "")
    report = shaken(fault.write(tmp_path / "definition"), runs, "cores")
    assert moved(report) == ["nothing"]
    undisturbed, cores = report.findings
    assert undisturbed.cause == ""
    assert "bits move from run to run" in cores.not_run
    assert report.to_dict()["disturbances"][1]["run"] is False


class Coin:
    """Runs of a definition in which a source that differs from process to process decides between two outcomes."""

    def __init__(self, source: str, falls: str, listed: bool = False) -> None:
        self._source, self._falls, self._listed = source, iter(falls), listed

    def reference(self, subject: Subject, _: Path) -> Recording:
        return self.run(subject, Surroundings())

    def run(self, _: Subject, there: Surroundings) -> Recording:
        fell = "held" if self._source in there.disturb.get("held", ()) else next(self._falls)
        listed = self._listed and "listings" in there.disturb
        return Recording("i", ("d",), (f"{fell}{listed}",), {}, {}, None, ())


@pytest.mark.parametrize(
    ("source", "falls", "told"),
    [
        # The reference, nothing, place; then the locale seems to move it, and so does, the second time, nothing at all.
        ("entropy", "000101", ["nothing", "place", "nothing", "place", "locale", "directory order"]),
        # Three runs are equal by chance while the entropy is held; those that come later are not.
        ("clock", "0100011", ["nothing", "nothing", "place", "locale", "directory order"]),
    ],
)
def test_bits_that_move_by_themselves_now_and_then_are_blamed_on_no_disturbance(
    definition: Path, source: str, falls: str, told: list[str]
) -> None:
    seen: list[str] = []
    names = ("place", "locale", "directory order")
    report = shake(
        CONFIG,
        definition,
        on_finding=lambda it: seen.append(it.disturbance.name),
        disturbances=[NAMED[name] for name in names],
        runs=Coin(source, falls, listed=True),  # type: ignore[arg-type]
    )
    assert seen == told
    assert [it.disturbance.name for it in report.findings] == ["nothing", *names]
    assert moved(report) == ["nothing", "directory order"]
    assert report.findings[0].cause == HELD[source]


def test_what_a_disturbance_moves_is_its_own_where_nothing_else_moves_it(definition: Path) -> None:
    runs = Coin("entropy", "0" * 9, listed=True)
    report = shake(CONFIG, definition, disturbances=[NAMED["directory order"]], runs=runs)  # type: ignore[arg-type]
    assert moved(report) == ["directory order"]


def test_what_the_processor_cannot_give_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0}, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert NAMED["cores"]("").what == "2 instead of 1, in what os.cpu_count() says alone"
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert NAMED["cores"]("").what == "1 instead of 4"


def test_a_half_that_leaves_nothing_to_resume_from_is_no_resumed_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = ShortRuns(tmp_path)
    monkeypatch.setattr(runs, "_messages", lambda *_: [{"type": "done", "batches": 2, "weights_sha256": "w"}])
    subject = Subject(tmp_path, CONFIG.to_dict(), {}, 1, 4)
    with pytest.raises(TrialFailed, match="2 batches, ended without a checkpoint: nothing was resumed"):
        runs.run(subject, Surroundings(resumed=True))


def test_a_definition_that_does_not_train_is_told_as_its_author_knows_it(tmp_path: Path, runs: ShortRuns) -> None:
    broken = Planted("", "", "", "def value():\n    return 1 / 0", "")
    definition = broken.write(tmp_path / "definition")
    with pytest.raises(TrialDefinitionError, match="ZeroDivisionError") as told:
        shaken(definition, runs)
    assert str(definition / "model_def.py") in str(told.value)
