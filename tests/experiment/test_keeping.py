"""Checkpoints at a place of their own: copied there, fetched from there, and removed there."""

import shutil
import threading
import time
import uuid

import pytest

from pedl.errors import StoreError
from pedl.store.storage import Storage
from tests.experiment.fake_executor import FakeExecutor
from tests.experiment.test_running import interrupted, trial


@pytest.fixture(params=["directory", "memory"])
def url(request, tmp_path):
    return str(tmp_path / "place") if request.param == "directory" else f"memory://{uuid.uuid4().hex}"


def storage_of(one):
    created = one._home.events(one.id)[0].payload
    return Storage(created["config"]["checkpoint_storage"]["url"], created["storage_name"])


def kept(one):
    return {(entry["id"], it["uuid"]) for entry in one.describe()["trials"] for it in entry["checkpoints"]}


def at_home(one):
    root = one._home.paths(one.id).root / "checkpoints"
    return {(int(path.parent.name[6:]), path.name) for path in root.glob("trial-*/*")}


def test_what_is_kept_lies_in_the_storage_and_nothing_else(experiment, url):
    one = experiment(checkpoint_storage={"url": url}, min_validation_period=1)
    one.run(workers=2)
    assert one.state == "COMPLETED"
    assert storage_of(one).found() == kept(one) != set()
    assert at_home(one) == set()
    calm = experiment(min_validation_period=1)
    calm.run()
    assert one.outcome_sha256 == calm.outcome_sha256


def test_a_checkpoint_that_is_gone_from_the_home_is_fetched(experiment, url):
    executor = FakeExecutor()
    one = experiment(executor, checkpoint_storage={"url": url})
    interrupted(one, executor, after=9)
    assert storage_of(one).found() == kept(one)
    newest = trial(one, 1)["checkpoints"][-1]
    shutil.rmtree(one._home.paths(one.id).root / "checkpoints")
    started = len(executor.started)
    one.run()
    assert executor.started[started]["resume"]["uuid"] == newest["uuid"]
    assert trial(one, 1)["messages"] == []
    assert one.state == "COMPLETED"


def test_what_cannot_be_fetched_now_is_no_damage_and_what_is_not_there_is(experiment, url, monkeypatch):
    executor = FakeExecutor()
    one = experiment(executor, checkpoint_storage={"url": url})
    interrupted(one, executor, after=9)
    before = kept(one)
    shutil.rmtree(one._home.paths(one.id).root / "checkpoints")

    def dead(self, *_):
        raise ConnectionError("the line is dead")

    with monkeypatch.context() as broken:
        broken.setattr(type(storage_of(one)._files), "get_file", dead)
        with pytest.raises(StoreError, match="cannot be read: ConnectionError: the line is dead"):
            one.run()
    assert (one.state, kept(one), storage_of(one).found()) == ("PAUSED", before, before)
    storage = storage_of(one)
    storage._files.mv(storage._root, f"{storage._root}-away", recursive=True)
    with pytest.raises(StoreError, match="has nothing of this experiment: there is no"):
        one.run()
    assert kept(one) == before
    storage._files.mv(f"{storage._root}-away", storage._root, recursive=True)
    newest = trial(one, 1)["checkpoints"][-1]
    storage.remove(1, newest["uuid"])
    one.run()
    assert one.state == "COMPLETED"
    assert "has no whole copy of it; the checkpoint of step" in trial(one, 1)["messages"][0]


def test_a_storage_that_fails_loses_nothing_and_is_told(experiment, tmp_path, monkeypatch):
    one = experiment(checkpoint_storage={"url": str(tmp_path / "place")})

    def dead(self, *_):
        raise StoreError("the line is dead")

    monkeypatch.setattr(Storage, "put", dead)
    one.run()
    assert one.state == "COMPLETED"
    assert at_home(one) == kept(one)
    assert trial(one, 1)["messages"] == ["a checkpoint was not copied and stays in the home: the line is dead"]


def test_a_storage_that_never_answers_holds_nobody_up_for_ever(experiment, tmp_path, monkeypatch):
    one = experiment(checkpoint_storage={"url": str(tmp_path / "place")})
    silence = threading.Event()
    put = Storage.put

    def hang(self, *arguments):
        silence.wait()
        return put(self, *arguments)

    monkeypatch.setattr(Storage, "put", hang)
    interrupts = threading.Timer(1.5, one._home.request, (one.id, "kill", {}))
    interrupts.start()
    one.run()
    assert one.state == "CANCELED"
    assert at_home(one) == kept(one)
    silence.set()


def test_what_a_dead_master_left_in_the_storage_is_removed_and_what_it_owed_is_copied(experiment, url, monkeypatch):
    executor = FakeExecutor()
    one = experiment(executor, checkpoint_storage={"url": url})

    def dead(self, *_):
        raise StoreError("the line is dead")

    with monkeypatch.context() as broken:
        broken.setattr(Storage, "put", dead)
        interrupted(one, executor, after=9)
    storage = storage_of(one)
    first = trial(one, 1)["checkpoints"][0]
    storage.put(1, "litter", one._home.paths(one.id).checkpoint(1, first["uuid"]), first["sha256"])
    one.run()
    assert storage.found() == kept(one)


def test_deleting_an_experiment_deletes_its_storage(experiment, url):
    one = experiment(checkpoint_storage={"url": url})
    one.run()
    storage = storage_of(one)
    one.delete()
    assert storage.found() == set()


def test_a_storage_that_cannot_be_listed_stops_nobody_who_has_all_that_is_needed(experiment, url, monkeypatch):
    executor = FakeExecutor()
    one = experiment(executor, checkpoint_storage={"url": url})
    interrupted(one, executor, after=9)

    def dead(self):
        raise StoreError("the line is dead")

    monkeypatch.setattr(Storage, "found", dead)
    one.run()
    assert one.state == "COMPLETED"
    assert one.describe()["messages"] == ["what is not kept any more may be left in the storage: the line is dead"]


def test_training_does_not_wait_for_the_listing_of_a_storage(experiment, url, monkeypatch):
    executor = FakeExecutor()
    one = experiment(executor, checkpoint_storage={"url": url})
    started, found, waited = len(executor.started), Storage.found, []

    def slow(self):
        deadline = time.monotonic() + 10
        while len(executor.started) == started and time.monotonic() < deadline:
            time.sleep(0.01)
        waited.append(time.monotonic() < deadline)
        return found(self)

    monkeypatch.setattr(Storage, "found", slow)
    one.run()
    assert (one.state, waited) == ("COMPLETED", [True])
