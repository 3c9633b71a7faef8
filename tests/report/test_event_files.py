"""What TensorBoard reads is what `describe` says, once, however often it is written, and cut off wherever."""

from __future__ import annotations

import pkgutil
import re
import signal
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedl.errors import InputError, StoreError
from pedl.report.event_files import EventFiles, records, write_event_files
from pedl.store.paths import ExperimentPaths
from tests.experiment.fake_executor import Script
from tests.report.conftest import SPACE, Made

pytest.importorskip("tensorboard", reason="tensorboard comes with the extra `tensorboard`")


@pytest.fixture(autouse=True)
def _without_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """What reads the files back loads TensorFlow if it can, which takes long and changes nothing."""
    monkeypatch.setitem(sys.modules, "tensorboard.compat.notf", types.ModuleType("notf"))


def read(directory: Path) -> Any:
    """Returns a run as TensorBoard sees it."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = EventAccumulator(str(directory), size_guidance={"scalars": 0, "tensors": 0})
    run.Reload()
    return run


def scalars(directory: Path) -> dict[str, list[tuple[int, float]]]:
    """Returns the points of a run by tag, with the floats' own repr: NaN is equal to itself there."""
    run = read(directory)
    return {tag: [(it.step, repr(it.value)) for it in run.Scalars(tag)] for tag in run.Tags()["scalars"]}


def described(trial: dict[str, Any]) -> dict[str, list[tuple[int, float]]]:
    found: dict[str, list[tuple[int, float]]] = {}
    for group in ("training", "validation"):
        for entry in trial[group]:
            for name, value in entry["metrics"].items():
                number = repr(float(np.float32(float(value))))
                found.setdefault(f"{group}/{name}", []).append((entry["step"], number))
    return found


def hparams(directory: Path) -> dict[str, Any]:
    from tensorboard.plugins.hparams import metadata

    content = read(directory).SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    values = metadata.parse_session_start_info_plugin_data(content).hparams
    return {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()}


def test_every_point_and_hyperparameter_reads_back(made: Made) -> None:
    values = {"huge": 10**400, "large": -1e300, "small": 5e-324, "yes": True}
    experiment = made(script=Script(metrics={2: float("nan")}), hyperparameters={**SPACE, **values})
    files = EventFiles(experiment.home, 1)
    assert files.update() == 6 and files.update() == 0
    for trial in experiment.describe()["trials"]:
        run = files.directory / f"trial-{trial['id']}"
        assert scalars(run) == described(trial)
        flat = {"units": trial["hparams"]["units"], "batch_size": 64, **values, "huge": str(10**400)}
        flat |= {f"optimizer.{name}": value for name, value in trial["hparams"]["optimizer"].items()}
        assert hparams(run) == flat


def test_a_run_says_how_its_trial_ended(made: Made) -> None:
    from tensorboard.plugins.hparams import api_pb2, metadata

    experiment = made(script=Script(fails={2: (3, "code")}))
    files = EventFiles(experiment.home, 1)
    files.update()
    for trial, status in ((1, api_pb2.STATUS_SUCCESS), (2, api_pb2.STATUS_FAILURE)):
        run = read(files.directory / f"trial-{trial}")
        content = run.SummaryMetadata(metadata.SESSION_END_INFO_TAG).plugin_data.content
        assert metadata.parse_session_end_info_plugin_data(content).status == status


def test_any_beginning_and_any_damage_is_brought_up_to_the_same_file(made: Made, tmp_path: Path) -> None:
    events = made().home.events(1)
    whole = records(it for it in events if it.trial_id == 1)
    paths = ExperimentPaths(tmp_path, 1)
    file = paths.event_file(1)
    for count in range(0, len(events) + 1, 7):
        write_event_files(events[:count], paths)
    write_event_files(events, paths)
    assert file.read_bytes() == whole
    for there in (b"", whole[:100], whole[:-1], b"something else", whole + b"more"):
        file.write_bytes(there)
        assert write_event_files(events, paths) == 1
        assert file.read_bytes() == whole
    assert write_event_files(events, paths) == 0


def test_without_the_comparison_points_would_be_there_twice(made: Made, tmp_path: Path) -> None:
    experiment = made()
    content = records(it for it in experiment.home.events(1) if it.trial_id == 1)
    (tmp_path / "events.out.tfevents.pedl").write_bytes(content + content)
    assert scalars(tmp_path) != described(experiment.describe()["trials"][0])


def test_what_goes_on_is_followed_and_what_stands_still_is_read_once(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = made(), made(run=False)
    files = EventFiles(one.home, None)
    assert files.update() == 12
    reads: list[int] = []
    events = one.home.events
    monkeypatch.setattr(one.home, "events", lambda number, after: (reads.append(number), events(number, after))[1])
    assert files.update() == 0 and reads == []
    other.run(workers=1)
    assert files.update() == 6 and reads == [2]


def test_what_runs_is_read_from_where_it_was_read_to_and_its_files_are_whole(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    experiment = made(run=False)
    files = EventFiles(experiment.home, None)
    read_of: list[int] = []
    monkeypatch.setattr(
        "pedl.report.event_files.records",
        lambda events: (read_of.extend(it.sequence for it in events), records(events))[1],
    )
    experiment.run(workers=1, on_change=lambda it: files.update())
    files.update()
    events = experiment.home.events(1)
    assert sorted(read_of) == [it.sequence for it in events if it.trial_id is not None]
    for number in range(1, 7):
        whole = records(it for it in events if it.trial_id == number)
        assert experiment.home.paths(1).event_file(number).read_bytes() == whole


def test_what_is_deleted_is_gone_here_too(made: Made) -> None:
    experiment = made()
    files = EventFiles(experiment.home, None)
    files.update()
    experiment.delete()
    assert list(files.directory.iterdir()) == []
    with pytest.raises(StoreError, match="no experiment 1"):
        EventFiles(experiment.home, 1)


@pytest.mark.parametrize("before", ["pedl.store.Home.events", "pedl.report.event_files.write_synced"])
def test_what_is_deleted_while_it_is_read_takes_nothing_from_the_others(
    made: Made, monkeypatch: pytest.MonkeyPatch, before: str
) -> None:
    one, other = made(), made()
    call = pkgutil.resolve_name(before)

    def deleting(*words: Any) -> Any:
        if one.id in {it["id"] for it in one.home.summaries()}:
            one.home.delete(one.id)
        return call(*words)

    monkeypatch.setattr(before, deleting)
    files = EventFiles(one.home, None)
    assert files.update() == 6 and files.update() == 0
    assert [it.name for it in files.directory.iterdir()] == [str(other.id)]


def test_a_missing_package_is_named(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'tensorboard>=[\d.]+'$"):
        EventFiles(made().home, None)


def test_the_files_are_written_without_tensorflow(made: Made) -> None:
    home = made().home.path
    code = (
        "import sys; from pathlib import Path; from pedl.store import Home\n"
        "from pedl.report.event_files import EventFiles\n"
        f"print(EventFiles(Home(Path({str(home)!r})), None).update(), 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["6", "False"]


def test_the_command_shows_it_in_tensorboard_and_ctrl_c_ends_both(made: Made) -> None:
    home = made().home.path
    command = [sys.executable, "-m", "pedl", "--home", str(home), "tensorboard", "1", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    address = next(found[0] for line in process.stderr if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
    script = f"import urllib.request; print(urllib.request.urlopen('{address}/data/runs').read().decode())"
    for _ in range(100):
        runs = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        if runs.count("trial-") == 6:
            break
    assert runs.count("trial-") == 6, runs
    process.send_signal(signal.SIGINT)
    assert process.wait(20) == 0
    gone = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert "refused" in gone.stderr
