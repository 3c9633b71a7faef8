"""Which checkpoints stay: exactly those that the three numbers name, and never less than a trial needs to go on."""

import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedl.experiment import load_experiment, retention
from pedl.experiment.fold import ExperimentState
from pedl.experiment.retention import Retention
from pedl.experiment.trial_state import TrialState
from tests.experiment.fake_executor import Chaos, FakeExecutor, MasterDied
from tests.experiment.laws import SCRIPT

METRICS = st.sampled_from([0.25, 0.5, 0.75, "NaN", "Infinity"])


@st.composite
def states(draw):
    """Up to four trials with up to five checkpoints, some of them validated; some trials are over, some failed."""
    counts = {
        name: draw(st.integers(0, 3)) for name in ("save_experiment_best", "save_trial_best", "save_trial_latest")
    }
    searcher = {"metric": "m", "smaller_is_better": draw(st.booleans())}
    state = ExperimentState(created={"config": {"checkpoint_storage": counts, "searcher": searcher}})
    count = draw(st.integers(1, 4))
    for trial_id in range(1, count + 1):
        trial = state.trials[trial_id] = TrialState(trial_id, {}, trial_id, closed=draw(st.booleans()))
        trial.failure = draw(st.sampled_from([None, None, {"kind": "code"}]))
        for step in sorted(draw(st.sets(st.integers(1, 9), max_size=5))):
            trial.apply("checkpoint", {"step": step, "batches": step, "uuid": f"{trial_id}-{step}", "sha256": ""})
            if draw(st.booleans()):
                trial.validations[step] = {"step": step, "metrics": {"m": draw(METRICS)}}
            if draw(st.integers(0, 3)) == 0:
                trial.clones[count + step] = step
    return state


def surplus(state):
    return Retention(state).surplus()


def kept_uuids(state):
    gone = {it["uuid"] for _, it in surplus(state)}
    return {it["uuid"] for trial in state.trials.values() for it in trial.checkpoints} - gone


def goodness(state, trial, checkpoint):
    """Sorts from the best: by the rules, in other words."""
    value = float(trial.validations[checkpoint["step"]]["metrics"]["m"])
    value = value if state.created["config"]["searcher"]["smaller_is_better"] else -value
    return (
        trial.failure is not None,
        str(value) == "nan",
        value if value == value else 0,
        trial.id,
        checkpoint["step"],
    )


def expected(state):
    counts = state.created["config"]["checkpoint_storage"]
    keep, everywhere = set(), []
    for trial in state.trials.values():
        newest = sorted(trial.checkpoints, key=lambda it: -it["batches"])
        validated = [it for it in newest if it["step"] in trial.validations]
        everywhere += [(goodness(state, trial, it), it["uuid"]) for it in validated]
        keep |= {it["uuid"] for it in newest[: counts["save_trial_latest"]]}
        validated.sort(key=lambda it: goodness(state, trial, it))
        keep |= {it["uuid"] for it in validated[: counts["save_trial_best"]]}
        keep |= {it["uuid"] for it in newest if it["step"] in trial.clones.values()}
        if newest and not trial.closed and trial.failure is None:
            keep.add(newest[0]["uuid"])
    return keep | {uuid for _, uuid in sorted(everywhere)[: counts["save_experiment_best"]]}


@given(states())
def test_exactly_those_are_kept_that_the_three_numbers_name(state):
    assert kept_uuids(state) == expected(state)


@given(states())
def test_what_goes_is_all_the_rest_and_a_second_look_finds_nothing(state):
    before = {it["uuid"] for trial in state.trials.values() for it in trial.checkpoints}
    keep = kept_uuids(state)
    gone = surplus(state)
    assert {it["uuid"] for _, it in gone} == before - keep
    for trial, checkpoint in gone:
        trial.apply("checkpoint_deleted", {"uuid": checkpoint["uuid"]})
    assert surplus(state) == []
    assert kept_uuids(state) == keep


@given(states(), st.randoms(use_true_random=False))
def test_what_is_kept_in_the_end_does_not_depend_on_the_order_in_which_trials_came(state, order):
    """Checkpoints arrive in any order of trials, and each time what is too much goes."""
    keep = kept_uuids(state)
    arriving = [(trial, it) for trial in state.trials.values() for it in trial.checkpoints]
    order.shuffle(arriving)
    for trial in state.trials.values():
        trial.checkpoints = []
    retention = Retention(state)
    by_trial = {trial_id: sorted((it for t, it in arriving if t.id == trial_id), key=lambda it: it["batches"])
                for trial_id in state.trials}  # fmt: skip
    for trial, _ in arriving:
        trial.apply("checkpoint", by_trial[trial.id].pop(0))
        retention.update([trial.id])
        for other, checkpoint in retention.surplus():
            other.apply("checkpoint_deleted", {"uuid": checkpoint["uuid"]})
            retention.update([other.id])
    assert {it["uuid"] for trial in state.trials.values() for it in trial.checkpoints} == keep


@given(states(), st.data())
def test_looking_at_what_changed_finds_what_looking_at_everything_finds(state, data):
    """Trials fail and end, checkpoints go, and clones end: in any order."""
    retention = Retention(state)
    for _ in range(data.draw(st.integers(1, 8))):
        trial = state.trials[data.draw(st.sampled_from(sorted(state.trials)))]
        change = data.draw(st.sampled_from(["fail", "close", "drop", "clone ends"]))
        if change == "fail":
            trial.failure = {"kind": "code"}
        elif change == "close":
            trial.closed = True
        elif change == "drop":
            trial.checkpoints = trial.checkpoints[:-1]
        else:
            trial.clones.popitem() if trial.clones else None
        retention.update([trial.id])
        assert [(one.id, it) for one, it in retention.surplus()] == [(one.id, it) for one, it in surplus(state)]
        retention._due |= set(state.trials)  # nothing is removed here, so that everything stays to be found


@given(states())
def test_what_is_busy_goes_later(state):
    retention, everything = Retention(state), [it["uuid"] for _, it in surplus(state)]
    assert retention.surplus(lambda uuid: True) == []
    assert [it["uuid"] for _, it in retention.surplus()] == everything


@pytest.mark.parametrize(("best", "latest"), [(0, 0), (1, 0), (0, 1), (1, 1), (2, 3), (9, 9)])
def test_files_in_the_home_are_those_that_are_kept_whatever_was_killed(experiment, best, latest):
    storage = {"save_experiment_best": 1, "save_trial_best": best, "save_trial_latest": latest}
    found = []
    for seed in (None, 3):
        chaos = Chaos() if seed is None else Chaos(random.Random(seed), losses=0.05, master_deaths=0.03)
        executor = FakeExecutor(chaos, SCRIPT)
        one = experiment(executor, checkpoint_storage=storage, min_validation_period=1)
        if seed is None:
            one.run()
        else:
            while one.state != "COMPLETED":
                run_again(one, executor)
        described = one.describe()["trials"]
        for trial in described:
            directory = one._home.paths(one.id).checkpoints(trial["id"])
            files = {path.name for path in directory.iterdir()}
            assert files == {kept["uuid"] for kept in trial["checkpoints"]}
        found.append([[kept["step"] for kept in trial["checkpoints"]] for trial in described])
    assert found[0] == found[1]
    if (best, latest) == (9, 9):
        assert found[0][0] == [1, 2, 3, 4]


def run_again(one, executor):
    with contextlib.suppress(MasterDied):
        load_experiment(one.id, one._home, executor).run(2)


def test_a_rule_that_forgets_trials_that_go_on_is_missed(monkeypatch):
    monkeypatch.setattr(retention, "max", lambda *numbers: numbers[0], raising=False)
    with pytest.raises(AssertionError):
        test_exactly_those_are_kept_that_the_three_numbers_name()


def test_a_better_checkpoint_is_kept_beside_the_latest(experiment):
    one = experiment(FakeExecutor(), min_validation_period=1, checkpoint_storage={"save_trial_latest": 1})
    one.run()
    for trial in one.describe()["trials"]:
        by_step = {entry["step"]: entry["metrics"]["accuracy"] for entry in trial["validation"]}
        best = max(by_step, key=lambda step: by_step[step])
        assert [kept["step"] for kept in trial["checkpoints"]] == sorted({best, 4})
