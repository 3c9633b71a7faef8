"""Trouble, caused for real: each is noticed and told to the person who can mend it, and nothing is lost."""

from __future__ import annotations

import ctypes
import errno
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pedl.experiment import list_experiments, load_experiment
from tests.marks import long_but
from tests.promises.commands import ROOT, command, environment
from tests.promises.light_master import make_executor

MASTER = Path(__file__).parent / "light_master.py"
CONFIG = {
    "searcher": {"name": "random", "metric": "loss", "max_steps": 24, "max_trials": 2},
    "batches_per_step": 1,
    "min_validation_period": 1,
    "min_checkpoint_period": 1,
    "checkpoint_storage": {"save_trial_best": 0, "save_trial_latest": 3},
}


WRITING = (["label", "1", "x"], ["activate", "1"], ["delete", "1", "--yes"], ["cancel", "1"])

PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
"""Of Linux: prctl(2), capabilities(7)."""


def light(directory: Path, *words: str, first: Callable[[], None] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs one command of `light_master` on the home in `directory`; `first` is called in the new process."""
    return subprocess.run(
        [sys.executable, str(MASTER), str(directory / "home"), *words],
        env=environment({"TMPDIR": str(directory.parent)}), cwd=ROOT, capture_output=True, text=True, timeout=120,
        preexec_fn=first,
    )  # fmt: skip


def prepared(directory: Path, config: dict[str, Any] = CONFIG) -> Path:
    (directory / "definition").mkdir(parents=True)
    (directory / "definition" / "model_def.py").write_text("x = 1\n")
    (directory / "config.json").write_text(json.dumps(config))
    return directory


def outcome_without_trouble(directory: Path, config: dict[str, Any] = CONFIG) -> str:
    prepared(directory, config)
    assert light(directory, "create").returncode == 0
    assert light(directory, "run", "1").returncode == 0
    return str(load_experiment(1, directory / "home").outcome_sha256)


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The outcome when there is no trouble."""
    return outcome_without_trouble(tmp_path_factory.mktemp("calm") / "one")


@pytest.fixture
def created(tmp_path: Path) -> Path:
    directory = prepared(tmp_path / "one")
    done = light(directory, "create")
    assert done.returncode == 0, done.stderr
    return directory


def goes_on(directory: Path, calm: str) -> None:
    done = light(directory, "run", "1")
    assert done.returncode == 0, done.stderr
    assert load_experiment(1, directory / "home").outcome_sha256 == calm


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with 8 MB; only root can make one."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(place)], capture_output=True)
    if made.returncode != 0:
        pytest.skip("a file system can be mounted by root only")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path, leave: int) -> Path:
    """Leaves so many bytes."""
    free = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        file.write(b"x" * max(0, free.f_bavail * free.f_bsize - leave))
    return ballast


@pytest.mark.parametrize("leave", long_but([40_000], [0, 40_000, 120_000]))
def test_a_full_disk_pauses_the_experiment_and_with_room_it_goes_on(small_disk: Path, leave: int, calm: str) -> None:
    directory = prepared(small_disk / "one")
    assert light(directory, "create").returncode == 0
    ballast = fill(small_disk, leave)
    done = light(directory, "run", "1")
    assert done.returncode == 1
    assert any(
        told in done.stderr
        for told in ("could not write: [Errno 28] No space left", "Is the disk full", "No space left on device")
    )
    ballast.unlink()
    assert load_experiment(1, directory / "home").state == "PAUSED"
    goes_on(directory, calm)


def test_an_experiment_that_finds_no_room_is_not_created(small_disk: Path) -> None:
    directory = prepared(small_disk / "one")
    fill(small_disk, 0)
    done = light(directory, "create")
    assert done.returncode == 1
    assert "No space left on device" in done.stderr or "disk is full" in done.stderr
    (small_disk / "ballast").unlink()
    assert list_experiments(directory / "home") == []


def test_a_home_that_is_read_only_can_be_read_and_says_that_it_cannot_be_written(small_disk: Path, calm: str) -> None:
    directory = prepared(small_disk / "one")
    assert light(directory, "create").returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    home = directory / "home"
    assert [entry["state"] for entry in list_experiments(home)] == ["PAUSED"]
    assert load_experiment(1, home).describe()["state"] == "PAUSED"
    for words in WRITING:
        done = subprocess.run(command(home, "experiment", *words), env=environment(), capture_output=True, text=True)
        assert done.returncode == 1, words
        assert "Experiment 1 cannot be changed" in done.stderr and "Read-only file system" in done.stderr
        assert "Traceback" not in done.stderr
    subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)
    goes_on(directory, calm)


def no_file_above(size_bytes: int) -> Callable[[], None]:
    """As on a full disk or with a quota, and for whoever runs the tests: the kernel refuses to write."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))


@pytest.mark.parametrize("room_bytes", long_but([60_000], [0, 60_000]))
def test_where_the_database_may_not_grow_the_experiment_pauses_and_with_room_it_goes_on(
    created: Path, room_bytes: int, calm: str
) -> None:
    done = light(created, "run", "1", first=no_file_above(room_bytes))
    assert done.returncode == 1
    assert "pedl.db: disk I/O error.\nIs the disk full, the directory read-only, " in done.stderr
    assert load_experiment(1, created / "home").state == "PAUSED"
    goes_on(created, calm)


def test_where_a_checkpoint_has_no_room_the_experiment_pauses_and_with_room_it_goes_on(tmp_path: Path) -> None:
    config = {**CONFIG, "hyperparameters": {"ballast_bytes": 2_000_000}}
    calm = outcome_without_trouble(tmp_path / "calm", config)
    directory = prepared(tmp_path / "one", config)
    assert light(directory, "create").returncode == 0
    done = light(directory, "run", "1", first=no_file_above(1_000_000))
    assert done.returncode == 1
    found = re.search(r"Trial (\d) could not write: \[Errno 27\] File too large", done.stderr)
    assert found, done.stderr
    assert load_experiment(1, directory / "home").state == "PAUSED"
    # Only of the trial that said so: the other one may have been killed while it wrote.
    checkpoints = directory / "home/experiments/1/checkpoints"
    assert list((checkpoints / f"trial-{found[1]}").iterdir()) == []
    goes_on(directory, calm)
    assert not list(checkpoints.rglob("*.partial"))


def test_an_experiment_that_may_write_no_file_is_not_created(tmp_path: Path) -> None:
    directory = prepared(tmp_path / "one")
    assert light(directory, "create", first=no_file_above(0)).returncode == 1
    assert list_experiments(directory / "home") == []


def test_a_home_that_others_may_write_can_be_read_and_says_that_it_cannot_be_written(created: Path, calm: str) -> None:
    home = created / "home"
    places = [home, *home.rglob("*")]
    for place in places:
        place.chmod(place.stat().st_mode & ~0o222)
    for words, code in ((["list"], 0), (["describe", "1"], 0), *((words, 1) for words in WRITING)):
        done = subprocess.run(
            command(home, "experiment", *words), env=environment(), capture_output=True, text=True,
            preexec_fn=obey_permissions,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stderr)
        assert "Traceback" not in done.stderr
        assert code == 0 or ("Experiment 1 cannot be changed" in done.stderr and "Permission denied" in done.stderr)
    for place in places:
        place.chmod(place.stat().st_mode | 0o200)
    goes_on(created, calm)


def obey_permissions() -> None:
    """Takes from root what it has over others' files; whoever else runs the tests has no more than that."""
    if os.getuid() == 0:
        for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
            ctypes.CDLL(None, use_errno=True).prctl(PR_CAPBSET_DROP, capability)


def stopped(directory: Path) -> list[Path]:
    """Runs until trial 1 has three checkpoints, and returns their directories, oldest first."""
    home = directory / "home"
    experiment = load_experiment(1, home, make_executor)
    asked: list[bool] = []

    def stop(now: Any) -> None:
        if len(now.describe()["trials"][0]["checkpoints"]) == 3 and not asked:
            asked.append(now.home.request(1, "pause", {}))  # does not wait, as `pause` does

    experiment.run(workers=1, on_change=stop)
    found = experiment.checkpoints(1)
    assert len(found) == 3 and experiment.state == "PAUSED"
    return [home / "experiments/1/checkpoints/trial-1" / it.uuid for it in found]


def torn(kept: list[Path]) -> None:
    file = kept[-1] / "tensors.safetensors"
    os.truncate(file, file.stat().st_size // 2)


def missing(kept: list[Path]) -> None:
    shutil.rmtree(kept[-1])


def foreign(kept: list[Path]) -> None:
    shutil.rmtree(kept[-1])
    shutil.copytree(kept[0], kept[-1])


def of_another_format(kept: list[Path]) -> None:
    file = kept[-1] / "state.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 9'))


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (torn, "tensors.safetensors is damaged: its sha256 is "),
        (missing, "state.json cannot be read: No such file or directory"),
        (foreign, "state.json is of another checkpoint: its sha256 is "),
        (of_another_format, "state.json is of another checkpoint: its sha256 is "),
    ],
)
def test_of_a_checkpoint_that_is_no_good_the_one_before_is_used_and_it_is_told(
    created: Path, damage: Callable[[list[Path]], None], told: str, calm: str
) -> None:
    damage(stopped(created))
    goes_on(created, calm)
    (message, *_) = load_experiment(1, created / "home").describe()["trials"][0]["messages"]
    assert told in message and message.endswith("was given up, and the one before it is used")


def test_without_any_good_checkpoint_training_starts_again(created: Path, calm: str) -> None:
    for kept in stopped(created):
        shutil.rmtree(kept)
    goes_on(created, calm)
    messages = load_experiment(1, created / "home").describe()["trials"][0]["messages"]
    assert [message.endswith("training starts again") for message in messages] == [False, False, True]


def test_a_home_of_a_newer_version_is_refused_and_left_as_it_is(created: Path, calm: str) -> None:
    home = created / "home"
    (home / "format").write_text("2\n")
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    for words in (["list"], ["activate", "1"], ["delete", "1", "--yes"]):
        done = subprocess.run(command(home, "experiment", *words), env=environment(), capture_output=True, text=True)
        assert done.returncode == 1
        assert "was written by a newer pedl: its format is 2, this pedl reads 1" in done.stderr
        assert "Update pedl, or choose another home" in done.stderr
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before
    (home / "format").write_text("1\n")
    goes_on(created, calm)


@pytest.mark.parametrize("vanished", long_but(["changed"], ["file", "directory", "changed"]))
def test_a_model_definition_that_vanished_or_changed_is_refused_until_it_is_back(
    created: Path, vanished: str, calm: str
) -> None:
    copy = created / "home/experiments/1/model_definition"
    aside = created / "aside"
    shutil.copytree(copy, aside)
    if vanished == "changed":
        (copy / "model_def.py").write_text("x = 2\n")
    else:
        shutil.rmtree(copy) if vanished == "directory" else (copy / "model_def.py").unlink()
    done = light(created, "run", "1")
    assert done.returncode == 1
    assert "is not what was recorded: " in done.stderr and "Put the file back as it was" in done.stderr
    assert ("was changed: its sha256 is" if vanished == "changed" else "is gone") in done.stderr
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(aside, copy)
    goes_on(created, calm)


def test_a_second_master_is_refused_while_the_first_goes_on(created: Path, calm: str) -> None:
    refused: list[subprocess.CompletedProcess[str]] = []

    def second(now: Any) -> None:
        if not refused:
            refused.append(light(created, "run", "1"))

    load_experiment(1, created / "home", make_executor).run(workers=1, on_change=second)
    assert refused[0].returncode == 1
    assert "Experiment 1 is being run by another process" in refused[0].stderr
    assert load_experiment(1, created / "home").outcome_sha256 == calm


def test_a_clock_that_jumps_decides_nothing(created: Path, calm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time of day goes back a day, and forth a year, at each look."""
    times = iter([-86_400.0, 3.2e7] * 100_000)
    monkeypatch.setattr("time.time", lambda: next(times))
    load_experiment(1, created / "home", make_executor).run(workers=2)
    assert load_experiment(1, created / "home").outcome_sha256 == calm


def test_a_worker_without_room_says_so_and_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    from pedl.trial import worker

    class Channel:
        def __init__(self) -> None:
            self.task = {"kind": "train", "definition": "."}
            self.sent: list[dict[str, Any]] = []

        def send(self, message: dict[str, Any]) -> None:
            self.sent.append(message)

        def receive(self, timeout_s: float | None) -> None:
            return None

    def fail(number: int) -> Any:
        def train(channel: Any) -> Any:
            raise OSError(number, os.strerror(number), "/there/state.json")

        return train

    for number, kind in ((errno.ENOSPC, "storage"), (errno.EROFS, "storage"), (errno.ENOENT, "code")):
        channel = Channel()
        monkeypatch.setitem(worker._KINDS, "train", fail(number))
        worker.main(channel)
        assert channel.sent[-1]["kind"] == kind
        assert os.strerror(number) in channel.sent[-1]["message"]
