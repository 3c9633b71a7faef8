"""What a person sees of an experiment, and does to it."""

import errno
import json
import os
import time

import pytest

from pedl.errors import InputError, StoreError
from pedl.experiment import create_experiment, library, list_experiments, load_experiment
from pedl.experiment.describe import summary
from pedl.experiment.fold import fold
from pedl.experiment.ranking import Standing
from pedl.jsontext import plain
from pedl.store import Home, lock
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import FakeExecutor, MasterDied, Script

DESCRIBED = {
    "id", "state", "description", "labels", "archived", "experiment_seed", "model_definition_sha256", "outcome_sha256",
    "source", "numeric_profile", "best_trial", "config", "messages", "brackets", "waited_s", "replication",
    "trials",
}  # fmt: skip
TRIAL = {
    "id", "state", "hparams", "trial_seed", "steps_completed", "batches_completed", "restarts",
    "streams", "parent", "rung", "stopped", "stopped_early", "training", "validation", "weights_sha256", "fingerprint",
    "checkpoints", "audit", "messages", "difference",
}  # fmt: skip


def test_describe_has_these_names_and_plain_values(experiment):
    one = experiment(description="digits")
    one.run()
    described = json.loads(json.dumps(one.describe(), allow_nan=False))
    assert described.keys() == DESCRIBED
    trial = described["trials"][0]
    assert trial.keys() == TRIAL
    assert (trial["steps_completed"], trial["batches_completed"]) == (4, 8)
    assert [entry["step"] for entry in trial["training"]] == [1, 2, 3, 4]
    assert [entry["step"] for entry in trial["validation"]] == [2, 4]
    assert trial["checkpoints"][0].keys() == {"step", "uuid", "sha256"}
    assert (described["state"], described["description"]) == ("COMPLETED", "digits")


def test_the_best_trial_is_by_metric_and_number_and_nan_is_last(experiment):
    for metrics, best in (
        ({1: 0.5, 2: 0.9, 3: 0.7}, 2),
        ({1: 0.5, 2: 0.9, 3: 0.9}, 2),
        ({1: "NaN", 2: "NaN", 3: 0.1}, 3),
        ({1: "NaN", 2: "NaN", 3: "NaN"}, 1),
        ({1: "-Infinity", 2: 1, 3: "Infinity"}, 3),
    ):
        one = experiment(FakeExecutor(script=Script(metrics=metrics)))
        one.run()
        assert one.best_trial.id == one.describe()["best_trial"] == best
        assert plain(one.best_trial.metrics["accuracy"]) == metrics[best]


def test_a_failed_trial_is_never_the_best(experiment):
    one = experiment(FakeExecutor(script=Script(metrics={1: 0.9, 2: 0.1, 3: 0.2}, fails={1: (3, "code")})))
    one.run()
    assert one.best_trial.id == 3


def test_a_trial_that_a_callback_stops_is_over_at_its_step(experiment):
    one = experiment(FakeExecutor(script=Script(stops={2: 3})))
    one.run()
    trials = one.describe()["trials"]
    assert one.state == "COMPLETED"
    assert [(it["state"], it["stopped_early"], it["steps_completed"]) for it in trials] == [
        ("COMPLETED", False, 4), ("COMPLETED", True, 3), ("COMPLETED", False, 4),
    ]  # fmt: skip


def test_an_experiment_whose_master_died_is_paused_and_can_go_on(experiment):
    executor = FakeExecutor()
    one = experiment(executor)

    def die(live):
        assert live.state == "ACTIVE"
        if live.describe()["trials"][0]["steps_completed"] == 2:
            raise MasterDied

    with pytest.raises(MasterDied):
        one.run(on_change=die)
    assert (one.state, list_experiments(one._home)[0]["state"], one.wait()) == ("PAUSED",) * 3
    assert one.outcome_sha256 is None
    one.run()
    assert one.wait() == "COMPLETED"


def test_a_listing_says_at_every_moment_what_the_events_say(experiment):
    one = experiment(FakeExecutor(script=Script(fails={2: (2, "code")})))
    compared = []

    def compare(_):
        (listed,) = list_experiments(one._home)
        state = fold(one._home.events(1))
        expected = summary(state, Standing(state))
        assert {name: listed[name] for name in expected} == expected
        compared.append(expected)

    one.run(on_change=compare)
    assert compared[-1]["trials_over"] == 3


def test_a_listing_while_an_experiment_ends_says_that_it_goes_on_or_has_ended(experiment, monkeypatch):
    one = experiment()

    def recorded(event):
        with one._home.open_log(1) as log:
            state = fold(log.events())
            state.apply(event, None, {})
            log.append([(event, None, {})], summary(state, Standing(state)))

    def ends(_):
        recorded("completed")
        return False

    recorded("activated")
    monkeypatch.setattr(library, "is_held", ends)
    assert list_experiments(one._home)[0]["state"] == "COMPLETED"


def test_labels_and_archiving_need_no_master(experiment):
    one = experiment(labels=["first"])
    assert one.describe()["labels"] == ["first"]
    one.label(["second"])
    one.archive()
    (listed,) = list_experiments(one._home)
    assert (listed["labels"], listed["archived"]) == (["second"], True)
    one.archive(False)
    assert one.describe()["archived"] is False


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("baseline", r"Found 'baseline', expected a list of labels, for example \[\"baseline\"\]"),
        ([3], "A label cannot be 3, expected a text"),
        (["fine", ""], "A label cannot be '', expected a text .* not empty"),
        (["caf\udce9"], r"A label cannot be 'caf\\udce9', expected a text in UTF-8"),
    ],
    ids=["text", "number", "empty", "bytes"],
)
def test_labels_that_no_configuration_could_have_are_refused(experiment, labels, message):
    one = experiment(labels=["first"])
    for change in (one.label, one.add_labels, one.remove_labels):
        with pytest.raises(InputError, match=message):
            change(labels)
    assert one.describe()["labels"] == ["first"]


def test_labels_that_several_ask_for_are_all_taken(experiment):
    one = experiment(labels=["first"])
    one._home.request(1, "label", {"add": ["a"]})
    one._home.request(1, "label", {"remove": ["first"]})
    one.add_labels(["b", "a"])
    assert one.describe()["labels"] == ["a", "b"]


def test_a_canceled_experiment_stays_canceled(experiment):
    one = experiment()
    one.cancel()
    assert one.state == "CANCELED"
    with pytest.raises(StoreError, match="is over already: CANCELED"):
        one.cancel()
    with pytest.raises(StoreError, match="is over: CANCELED"):
        one.run()


def test_delete_removes_everything_but_not_under_a_running_master(experiment, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE_S", 0.05)
    one = experiment()
    other = load_experiment(1, one._home)

    def delete(_):
        if tried:
            return
        tried.append(True)
        with pytest.raises(StoreError, match="is being run by another process"):
            other.delete()

    tried = []
    one.run(on_change=delete)
    other.delete()
    assert not one._home.paths(1).root.exists()
    assert list_experiments(one._home) == []
    with pytest.raises(StoreError, match=r"no experiment 1 in .*\. It holds no experiment"):
        load_experiment(1, one._home)


def test_listing_a_home_that_does_not_exist_creates_nothing(tmp_path):
    assert list_experiments(tmp_path / "none") == []
    assert list(tmp_path.iterdir()) == []


def test_python_looks_where_the_command_line_does(monkeypatch, tmp_path, definition):
    monkeypatch.chdir(tmp_path)
    create_experiment(configuration(), definition, seed=7, make_executor=FakeExecutor())
    assert load_experiment(1).home.path == tmp_path / ".pedl"
    monkeypatch.setenv("PEDL_HOME", "there")
    assert list_experiments() == []
    with pytest.raises(StoreError, match=r"choose another home with --home, or home= in Python\.$"):
        load_experiment(1)
    create_experiment(configuration(), definition, seed=7, make_executor=FakeExecutor())
    assert load_experiment(1).home.path == tmp_path / "there"
    assert [len(list_experiments(home)) for home in (None, "there", ".pedl", "none")] == [1, 1, 1, 0]
    monkeypatch.setenv("PEDL_HOME", "")
    assert load_experiment(1).home.path == tmp_path / ".pedl"


def test_a_verification_tells_what_it_finds_as_it_goes(experiment, capsys):
    one = experiment()
    one.run(workers=1)
    capsys.readouterr()
    assert one.verify(1, progress=False).identical
    assert capsys.readouterr() == ("", "")
    told = []
    one.verify(1, on_change=told.append)
    assert [it.trial_id for it in told] == [1, 2, 3]
    assert capsys.readouterr() == ("", ""), "who is told may show it otherwise"
    one.verify(1, [2], on_change=told.append, progress=True)
    assert capsys.readouterr().err.splitlines() == [
        "Running trial 1/2 again from its record ...",
        "trial 1/2: identical, 4 steps, 8 batches, 4 tensors compared",
    ]
    assert len(told) == 4
    one.verify(1, progress=True)
    assert capsys.readouterr().err.startswith("Running experiment 1 again from its record ...\ntrial 1/1: identical")
    one.verify(1, progress=False)
    assert capsys.readouterr() == ("", "")


def test_a_certificate_that_cannot_be_kept_is_a_warning(experiment, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    one = experiment()
    one.run(workers=1)
    monkeypatch.setattr("pedl.verify.last.write", full)
    with pytest.warns(UserWarning, match=r"could not be kept: No space left on device") as warned:
        assert one.verify(1).identical
    assert warned[0].filename == __file__, "it is told of the line that verifies"


def test_a_trial_that_does_not_exist_is_named_with_those_that_do(experiment):
    one = experiment()
    assert one.log_file(3).name == "trial-3.log"
    with pytest.raises(StoreError, match="no trial 1/4; experiment 1 has trials 1 to 3"):
        one.log_file(4)


def test_a_listing_of_a_thousand_experiments_is_quick(tmp_path):
    home = Home(tmp_path / "home")
    home.create(lambda _: None, [("created", None, {})], {"state": "COMPLETED", "best_metrics": None})
    import sqlite3

    with sqlite3.connect(tmp_path / "home" / "pedl.db") as connection:
        summary = {"state": "COMPLETED", "best_metrics": None, "description": "x" * 200}
        rows = [("2026-01-01T00:00:00Z", json.dumps(summary))] * 1000
        connection.executemany("INSERT INTO experiments (created_at, summary) VALUES (?, ?)", rows)
    started = time.process_time()
    assert len(list_experiments(home)) == 1001
    assert time.process_time() - started < 0.5


def test_who_follows_asks_for_state_and_logs_without_reading_the_events(experiment, monkeypatch):
    made = experiment()
    monkeypatch.setattr(made.home, "events", None)
    assert made.state == "PAUSED"
    assert made.log_file(3).name == "trial-3.log"
    made.log_file(2).parent.mkdir(exist_ok=True)
    made.log_file(2).write_text("")
    assert [it.name for it in made.log_files()] == ["trial-2.log"]


def test_the_log_of_a_trial_that_there_is_not_is_refused(experiment):
    with pytest.raises(StoreError, match="There is no trial 1/4; experiment 1 has trials 1 to 3"):
        experiment().log_file(4)
