"""A home keeps what was committed, all of it or none, and refuses what it does not understand."""

from pathlib import Path

import pytest

from pedl.errors import StoreError
from pedl.store import Home, lock
from pedl.store.database import FORMAT, database_file, format_file


def nothing(paths):
    pass


def create(home: Path) -> int:
    return Home(home).create(nothing, [("created", None, {"seed": 7})], {"state": "PAUSED"})


def tree(path: Path) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in sorted(path.rglob("*")) if file.is_file()}


def test_reading_a_home_that_does_not_exist_finds_nothing_and_creates_nothing(tmp_path):
    home = Home(tmp_path / "none")
    assert home.summaries() == []
    with pytest.raises(StoreError, match=r"no experiment 3 in .*none\. It holds no experiment"):
        home.events(3)
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_is_being_made_or_whose_maker_died_is_empty(tmp_path):
    create(tmp_path)
    database_file(tmp_path).write_bytes(b"")  # as SQLite leaves it until the tables are committed
    home = Home(tmp_path)
    assert home.summaries() == []
    with pytest.raises(StoreError, match=r"no experiment 1 in .*\. It holds no experiment"):
        home.events(1)
    with pytest.raises(StoreError, match="no experiment 1"):
        home.summary(1)
    assert create(tmp_path) == 1
    assert [entry["id"] for entry in home.summaries()] == [1]


def test_events_come_back_in_the_order_and_with_the_bits_in_which_they_were_appended(tmp_path):
    number = create(tmp_path)
    loss = 0.1 + 0.2
    with Home(tmp_path).open_log(number) as log:
        log.append([("step", 1, {"loss": loss}), ("step", 2, {"loss": float("nan")})], {"state": "ACTIVE"})
        log.append([("paused", None, {})], {"state": "PAUSED"})
    events = Home(tmp_path).events(number)
    assert [(event.sequence, event.kind, event.trial_id) for event in events] == [
        (1, "created", None),
        (2, "step", 1),
        (3, "step", 2),
        (4, "paused", None),
    ]
    assert events[1].payload == {"loss": loss}
    assert events[2].payload == {"loss": "NaN"}
    assert Home(tmp_path).events(number, 2) == events[2:] and Home(tmp_path).events(number, 4) == []
    assert Home(tmp_path).summary(number) == {"state": "PAUSED"}


def test_an_append_that_fails_leaves_neither_its_events_nor_its_summary(tmp_path):
    number = create(tmp_path)
    with Home(tmp_path).open_log(number) as log, pytest.raises(TypeError, match="cannot be kept as JSON"):
        log.append([("good", None, {}), ("bad", None, {"path": Path()})], {"state": "ACTIVE"})
    assert [event.kind for event in Home(tmp_path).events(number)] == ["created"]
    assert Home(tmp_path).summaries()[0]["state"] == "PAUSED"


def test_a_creation_that_fails_leaves_no_row_and_no_directory(tmp_path):
    def disk_full(paths):
        (paths.root / "half").write_text("written")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Home(tmp_path).create(disk_full, [], {})
    assert Home(tmp_path).summaries() == []
    assert list((tmp_path / "experiments").iterdir()) == []


def test_the_number_of_a_deleted_experiment_is_not_used_again(tmp_path):
    first = create(tmp_path)
    Home(tmp_path).delete(first)
    assert not Home(tmp_path).paths(first).root.exists()
    assert create(tmp_path) == first + 1
    with pytest.raises(StoreError, match="It holds experiment 2; choose"):
        Home(tmp_path).events(first)


def test_a_home_of_a_newer_version_is_refused_and_left_untouched(tmp_path):
    create(tmp_path)
    format_file(tmp_path).write_text(f"{FORMAT + 1}\n")
    before = tree(tmp_path)
    for access in (Home(tmp_path).summaries, lambda: Home(tmp_path).events(1), lambda: create(tmp_path)):
        with pytest.raises(StoreError, match=f"its format is {FORMAT + 1}, this pedl reads {FORMAT}"):
            access()
    assert tree(tmp_path) == before


def test_a_request_waits_until_it_is_answered_in_the_commit_that_answers_it(tmp_path):
    number = create(tmp_path)
    Home(tmp_path).request(number, "label", {"labels": ["good"]})
    with Home(tmp_path).open_log(number) as log:
        (request,) = log.requests()
        assert (request.kind, request.payload) == ("label", {"labels": ["good"]})
        log.append([("labeled", None, request.payload)], {}, [request])
        assert log.requests() == []


def test_a_home_that_is_not_a_database_says_so(tmp_path):
    create(tmp_path)
    (tmp_path / "pedl.db").write_bytes(b"this is not a database" * 100)
    with pytest.raises(StoreError, match=r"pedl.db: file is not a database"):
        Home(tmp_path).summaries()


def test_others_commit_while_the_files_of_a_new_experiment_are_copied(tmp_path):
    first = create(tmp_path)

    def slow(paths):
        with Home(tmp_path).open_log(first) as log:
            log._connection.execute("PRAGMA busy_timeout = 100")
            log.append([("step", 1, {})], {"state": "ACTIVE"})
        (paths.root / "model.py").write_text("x = 1\n")

    second = Home(tmp_path).create(slow, [("created", None, {})], {"state": "PAUSED"})
    assert [event.kind for event in Home(tmp_path).events(first)] == ["created", "step"]
    assert (Home(tmp_path).paths(second).root / "model.py").read_text() == "x = 1\n"


def test_an_insertion_that_fails_leaves_no_row_and_no_directory(tmp_path):
    with pytest.raises(TypeError, match="cannot be kept as JSON"):
        Home(tmp_path).create(nothing, [("created", None, {"path": Path()})], {})
    assert Home(tmp_path).summaries() == []
    assert list((tmp_path / "experiments").iterdir()) == []


def test_what_a_creation_that_was_cut_off_left_is_removed_by_the_next_and_what_lives_is_not(tmp_path):
    create(tmp_path)
    experiments = tmp_path / "experiments"
    for name in (".new-dead", ".new-alive"):
        (experiments / name).mkdir()
        (experiments / f"{name}.lock").touch()
    with lock.hold(experiments / ".new-alive.lock", "it"):
        create(tmp_path)
        assert {path.name for path in experiments.iterdir()} == {"1", "2", ".new-alive", ".new-alive.lock"}
