"""Running an experiment: pauses, lost workers, damaged checkpoints, alarms, profiles, second masters."""

import os
import re
import signal
import threading
import time

import pytest

from pedl.errors import NotReproduced, StoreError
from pedl.experiment import Experiment, load_experiment
from pedl.experiment.master import Master
from pedl.experiment.running import trials_at_once
from pedl.store import lock
from tests.experiment.fake_executor import PROFILE, FakeExecutor, Script


def trial(experiment, number):
    return experiment.describe()["trials"][number - 1]


def test_a_trial_that_fails_is_not_tried_again_and_the_experiment_goes_on(experiment):
    executor = FakeExecutor(script=Script(fails={1: (2, "code")}))
    one = experiment(executor)
    one.run(workers=2)
    assert one.state == "COMPLETED"
    assert (trial(one, 1)["state"], trial(one, 1)["messages"]) == ("ERROR", ["failed in step 2"])
    assert [task["trial_id"] for task in executor.started].count(1) == 1


def test_an_experiment_of_which_all_trials_failed_is_in_error_and_cannot_go_on(experiment):
    one = experiment(FakeExecutor(script=Script(fails={1: (1, "code"), 2: (1, "nan"), 3: (1, "data")})))
    one.run()
    assert (one.state, one.best_trial) == ("ERROR", None)
    with pytest.raises(StoreError, match="Experiment 1 is over: ERROR"):
        one.run()


def test_running_an_experiment_that_is_completed_does_nothing(experiment):
    executor = FakeExecutor()
    one = experiment(executor)
    one.run()
    events, started = one._home.events(1), len(executor.started)
    one.run()
    assert (one._home.events(1), len(executor.started)) == (events, started)


def test_no_more_trials_run_at_once_than_workers_and_configuration_allow(experiment):
    for workers, allowed, expected in ((2, None, 2), (8, None, 3), (8, 2, 2), (1, None, 1)):
        executor = FakeExecutor()
        experiment(executor, resources={"max_concurrent_trials": allowed}).run(workers)
        assert executor.running_at_most == expected


def test_a_lost_worker_is_restarted_from_its_last_checkpoint_at_most_max_restarts_times(experiment):
    executor = FakeExecutor(script=Script(lost={1: 2, 2: 3}))
    one = experiment(executor, max_restarts=2, min_checkpoint_period=None)
    one.run()
    assert (trial(one, 1)["state"], trial(one, 1)["restarts"]) == ("COMPLETED", 2)
    assert (trial(one, 2)["state"], trial(one, 2)["restarts"]) == ("ERROR", 2)
    assert "was lost 3 times, the last time because: killed by signal 9" in trial(one, 2)["messages"][-1]


def test_a_trial_is_started_once_more_with_the_session_it_asks_for_and_that_is_no_restart(experiment):
    wanted = {"intra_op_parallelism_threads": 1}
    executor = FakeExecutor(script=Script(session_config={2: wanted}, lost={2: 2}))
    one = experiment(executor)
    one.run()
    given = [task["session_config"] for task in executor.started if task["trial_id"] == 2]
    assert given == [None, wanted, wanted]
    assert trial(one, 2)["restarts"] == 1


def test_only_the_latest_checkpoint_is_kept_and_it_is_the_final_one(experiment):
    one = experiment(checkpoint_storage={"save_trial_best": 0})
    one.run()
    for number in (1, 2, 3):
        (kept,) = trial(one, number)["checkpoints"]
        assert kept["step"] == 4
        files = [path.name for path in one._home.paths(1).checkpoints(number).iterdir()]
        assert files == [kept["uuid"]]


def interrupted(one, executor, after, count=1):
    """Runs until `after` messages were delivered, and is then sent SIGINT."""
    poll = executor.poll

    def poll_and_interrupt(timeout_s):
        arrivals = poll(timeout_s)
        if len(executor.delivered) >= after:
            for _ in range(count):
                os.kill(os.getpid(), signal.SIGINT)
            executor.poll = poll
        return arrivals

    executor.poll = poll_and_interrupt
    with pytest.raises(KeyboardInterrupt):
        one.run(workers=2)


@pytest.mark.parametrize("count", [1, 2])
def test_ctrl_c_pauses_and_going_on_gives_the_same_outcome(experiment, count):
    calm = experiment()
    calm.run()
    executor = FakeExecutor()
    one = experiment(executor, min_checkpoint_period=None)
    interrupted(one, executor, after=4, count=count)
    assert one.state == "PAUSED"
    assert [entry["state"] for entry in one.describe()["trials"]] == ["PAUSED"] * 3
    started = len(executor.started)
    one.run(workers=2)
    resumed = [task["resume"] for task in executor.started[started:]]
    assert (resumed[0] is not None) == (count == 1)
    assert one.outcome_sha256 == calm.outcome_sha256
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_attempt_that_has_not_begun_to_train_is_ended_at_once_on_ctrl_c(experiment):
    executor = FakeExecutor()
    one = experiment(executor)
    asked: list[int] = []
    executor.send = lambda attempt, message: asked.append(attempt.trial_id)
    interrupted(one, executor, after=0)
    assert (asked, one.state) == ([1], "PAUSED")  # trial 1 had begun, trial 2 had not
    one.run()
    assert one.state == "COMPLETED"


def test_a_damaged_checkpoint_is_noticed_and_the_one_before_it_is_used(experiment):
    storage = {"save_trial_latest": 2}
    calm = experiment(checkpoint_storage=storage)
    calm.run()
    executor = FakeExecutor()
    one = experiment(executor, checkpoint_storage=storage)
    interrupted(one, executor, after=11)
    older, newer = trial(one, 1)["checkpoints"]
    damaged = one._home.paths(one.id).checkpoint(1, newer["uuid"]) / "tensors.safetensors"
    damaged.write_bytes(b"x")
    started = len(executor.started)
    one.run()
    assert executor.started[started]["resume"]["uuid"] == older["uuid"]
    assert re.search(
        "tensors.safetensors is damaged: its sha256 is .*; the checkpoint of step", trial(one, 1)["messages"][0]
    )
    assert one.outcome_sha256 == calm.outcome_sha256


@pytest.mark.parametrize(
    ("kind", "named"),
    [
        ("started", "trial 2 repeated its start, step 0 .*\ninitial_state: recorded was .*, repeated is 00"),
        ("step", "trial 2 repeated training step 1 .*\nstates, batch 2 of the step: recorded was .*, repeated is"),
    ],
)
def test_a_repetition_that_differs_ends_its_trial_with_both_values(experiment, kind, named):
    one = experiment(FakeExecutor(script=Script(lost={2: 1}, differs_when_repeated={2: kind})))
    one.run(workers=1)
    assert trial(one, 2)["state"] == "ERROR"
    assert re.search("ReproducibilityViolation: " + named, trial(one, 2)["messages"][-1])
    assert one.state == "COMPLETED"
    assert one.best_trial.id != 2


@pytest.mark.parametrize(("first", "cause"), [(["X86_V2"], "instruction set"), (["X86_V3"], "operation")])
def test_a_repetition_is_put_down_to_the_profiles_of_its_own_trial(experiment, first, cause):
    executor = FakeExecutor()
    one = experiment(executor)
    trouble = {"lost": {1: 1}, "differs_when_repeated": {1: "step"}}
    executor.script = Script(profile={**PROFILE, "instruction_set": first}, **trouble)
    poll = executor.poll

    def poll_and_move(timeout_s):
        arrivals = poll(timeout_s)
        if any(message["type"] == "lost" for _, message in arrivals):
            executor.script = Script(profile={**PROFILE, "instruction_set": ["X86_V3"]}, **trouble)
        return arrivals

    executor.poll = poll_and_move
    one.run(workers=1, accept_profile_change=True)
    assert trial(one, 1)["state"] == "ERROR"
    assert f"Cause: {cause}" in trial(one, 1)["messages"][-1]


def test_another_numeric_profile_is_refused_with_both_sides_before_anything_is_trained(experiment):
    executor = FakeExecutor()
    one = experiment(executor)
    executor.script = Script(profile={**PROFILE, "tensorflow": "2.99", "instruction_set": ["X86_V3"]})
    with pytest.raises(NotReproduced) as refused:
        one.run()
    assert "tensorflow: recorded 2.21, found 2.99" in str(refused.value)
    assert "instruction_set: recorded ['X86_V2'], found ['X86_V3']" in str(refused.value)
    assert "--accept-profile-change" in str(refused.value)
    assert trial(one, 1)["steps_completed"] == 0
    one.run(accept_profile_change=True)
    assert one.state == "COMPLETED"
    assert one.describe()["numeric_profile"]["tensorflow"] == "2.99"
    assert "tensorflow: recorded 2.21, found 2.99" in one.describe()["messages"][0]


def test_pools_may_differ_between_trials_but_not_between_attempts_at_one(experiment):
    executor = FakeExecutor(script=Script())
    one = experiment(executor)
    executor.script = Script(profile={**PROFILE, "intra_op": 1}, lost={1: 1})
    poll = executor.poll

    def poll_and_change(timeout_s):
        arrivals = poll(timeout_s)
        if any(message["type"] == "lost" for _, message in arrivals):
            executor.script = Script(profile={**PROFILE, "intra_op": 2})
        return arrivals

    executor.poll = poll_and_change
    with pytest.raises(NotReproduced, match=r"Trial 1 .*\n  intra_op: recorded 1, found 2"):
        one.run(workers=1)


def test_a_second_master_is_refused(experiment, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE_S", 0.1)
    one = experiment()
    again = load_experiment(1, one._home, FakeExecutor())

    def start_a_second(live):
        if tried:
            return
        tried.append(live.state)
        with pytest.raises(StoreError, match="Experiment 1 is being run by another process"):
            again.run()
        assert again.state == live.state

    tried = []
    one.run(on_change=start_a_second)
    assert tried == ["ACTIVE"]
    assert one.state == "COMPLETED"


def test_a_changed_copy_of_the_model_definition_is_refused(experiment):
    one = experiment()
    (one._home.paths(1).model_definition / "model_def.py").write_text("x = 2\n")
    with pytest.raises(StoreError, match=r"model_def\.py was changed: its sha256 is"):
        one.run()


def test_requests_of_other_terminals_are_obeyed(experiment):
    executor = FakeExecutor()
    one = experiment(executor)
    other = load_experiment(1, one._home, executor)

    def ask(live):
        if live.describe()["trials"][0]["steps_completed"] == 1 and not live.describe()["labels"]:
            other.add_labels(["seen"])
            other.add_labels(["too"])
            other.remove_labels(["seen"])
            other.archive()
            other.pause()

    one.run(workers=1, on_change=ask)
    described = one.describe()
    assert (described["state"], described["labels"], described["archived"]) == ("PAUSED", ["too"], True)
    one.run()
    assert one.state == "COMPLETED"


@pytest.mark.parametrize("words", [("pause", "cancel"), ("pause", "kill"), ("cancel", "pause")])
def test_whoever_cancels_is_obeyed_before_whoever_pauses(experiment, words):
    one = experiment()

    def ask(live):
        if not asked and live.describe()["trials"][0]["steps_completed"] == 1:
            asked.extend(words)
            for word in words:
                one._home.request(1, word, {})

    asked = []
    one.run(workers=1, on_change=ask)
    assert one.state == "CANCELED"


def test_what_a_dead_master_was_asked_does_not_stop_the_next_one(experiment):
    one = experiment()
    one._home.request(1, "pause", {})
    one._home.request(1, "label", {"labels": ["kept"]})
    one.run()
    assert (one.state, one.describe()["labels"]) == ("COMPLETED", ["kept"])


def test_an_experiment_runs_in_a_thread_that_can_catch_no_signals(experiment):
    one = experiment()
    thread = threading.Thread(target=one.run)
    thread.start()
    thread.join()
    assert one.state == "COMPLETED"


def test_what_is_asked_while_a_master_ends_is_done_all_the_same(experiment):
    one = experiment()
    other = load_experiment(1, one._home)
    late = threading.Thread(target=lambda: (other.label(["late"]), other.cancel()))

    def ask(live):
        if live.state == "PAUSED" and late.ident is None:  # its last commit; it still holds the lock
            late.start()
            late.join(0.5)
        elif live.state == "ACTIVE":
            one._home.request(1, "pause", {})

    one.run(workers=1, on_change=ask)
    late.join()
    assert (one.state, one.describe()["labels"]) == ("CANCELED", ["late"])


def test_what_is_asked_just_before_the_last_commit_is_answered_after_it(experiment, monkeypatch):
    one = experiment()
    is_over = Master._is_over

    def over_and_asked(self):
        over = is_over(self)
        if over:
            for kind, payload in (("label", {"labels": ["late"]}), ("pause", {}), ("cancel", {})):
                one._home.request(1, kind, payload)
        return over

    monkeypatch.setattr(Master, "_is_over", over_and_asked)
    one._home.request(1, "label", {"labels": ["early"]})
    one.run(workers=1, on_change=lambda live: live.state == "ACTIVE" and one._home.request(1, "pause", {}))
    assert (one.state, one.describe()["labels"]) == ("CANCELED", ["late"])
    with one._home.open_log(1) as log:
        assert log.requests() == []


def test_a_look_at_the_lock_is_not_taken_for_a_master(experiment):
    one = experiment()
    looked_at = threading.Event()

    def look():
        with lock.hold(one._home.paths(1).lock, "a look"):
            looked_at.set()
            time.sleep(0.05)

    looking = threading.Thread(target=look)
    looking.start()
    looked_at.wait()
    one.label(["seen"])
    looking.join()
    assert one.describe()["labels"] == ["seen"]


def test_a_dead_master_that_was_asked_to_cancel_is_canceled_by_the_next_and_trains_nothing(experiment):
    executor = FakeExecutor()
    one = experiment(executor)
    one._home.request(1, "cancel", {})
    started = len(executor.started)
    one.run()
    assert (one.state, len(executor.started)) == ("CANCELED", started)


def test_a_newer_label_is_not_replaced_by_an_older_one_that_a_dead_master_was_asked_for(experiment):
    one = experiment()
    one._home.request(1, "label", {"labels": ["older"]})
    one.label(["newer"])
    one.run()
    assert one.describe()["labels"] == ["newer"]


def test_what_was_completed_meanwhile_is_not_canceled(experiment, monkeypatch):
    one = experiment()
    one.run()
    monkeypatch.setattr(Experiment, "state", "ACTIVE")  # looked at a moment before
    with pytest.raises(StoreError, match="Experiment 1 is over already: COMPLETED"):
        one.cancel()
    assert one.describe()["state"] == "COMPLETED"


def test_half_the_cores_are_of_those_that_this_process_may_use(monkeypatch):
    config = {"resources": {"slots_per_trial": 1, "max_concurrent_trials": None}}
    monkeypatch.setattr("os.cpu_count", lambda: 64)
    for usable, expected in (({0}, 1), (set(range(8)), 4)):
        monkeypatch.setattr("os.sched_getaffinity", lambda pid, usable=usable: usable, raising=False)
        assert trials_at_once(None, config) == expected
    monkeypatch.delattr("os.sched_getaffinity")
    assert trials_at_once(None, config) == 32
