"""Verifying with workers that are a formula: what is compared, what is told, and what is left alone."""

from __future__ import annotations

import base64
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pedl.errors import StoreError, TrialFailed
from pedl.experiment import Experiment
from pedl.store import Home
from pedl.verify import ProfileDifference, TrialVerification, verify_experiment
from pedl.verify.ulps import Distance
from tests.experiment.fake_executor import PROFILE, FakeExecutor, Script
from tests.search.schedules import SEARCHERS


def rewrite(home: Home, kind: str, change: Any, trial_id: int | None = None, experiment_id: int = 1) -> None:
    """Changes the record itself: calls `change(payload)` for each event of a kind of an experiment."""
    with sqlite3.connect(home.path / "pedl.db") as connection:
        query = "SELECT sequence, trial_id, payload FROM events WHERE kind = ? AND experiment_id = ?"
        for sequence, of_trial, text in connection.execute(query, (kind, experiment_id)).fetchall():
            if trial_id in (None, of_trial):
                payload = json.loads(text)
                change(payload)
                row = (json.dumps(payload), experiment_id, sequence)
                connection.execute("UPDATE events SET payload = ? WHERE experiment_id = ? AND sequence = ?", row)


def files(home: Home) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(home.path.rglob("*")) if path.is_file()}


def ran(experiment: Any, executor: FakeExecutor | None = None, **changes: Any) -> Experiment:
    made: Experiment = experiment(executor, **changes)
    made.run(workers=1)
    return made


def test_an_untouched_experiment_is_identical_and_stays_as_it_is(experiment: Any) -> None:
    one = ran(experiment)
    before, events = files(one.home), one.home.events(1)
    found = verify_experiment(one)
    assert found.identical
    assert [it.to_dict() for it in found.trials] == [
        {"trial_id": number, "identical": True, "steps": 4, "batches": 8, "tensors": 4, "metrics": 8, "checkpoints": 4,
         "weights": True, "over": True, "difference": None, "note": ""}
        for number in (1, 2, 3)
    ]  # fmt: skip
    assert found.decisions == 9
    assert one.home.events(1) == events
    assert set(files(one.home)) == set(before)
    said = json.loads(json.dumps(found.to_dict()))
    assert (said["identical"], said["complete"], said["over"], said["recorded_trials"]) == (True, True, True, 3)
    assert said["not_executed"] == []


@pytest.mark.parametrize(
    ("kind", "what", "batch", "cause"),
    [
        ("started", "initial_state", 0, "initial weights"),
        ("step", "states, batch 2 of the step", 2, "operation"),
        ("validation", "metrics.accuracy", None, "operation"),
        ("checkpoint", "sha256", None, "operation"),
        ("done", "weights_sha256", None, "operation"),
    ],
)
def test_a_trial_that_repeats_otherwise_is_named_and_stopped(
    experiment: Any, kind: str, what: str, batch: int | None, cause: str
) -> None:
    executor = FakeExecutor(script=Script(differs_when_repeated={2: kind}))
    found = verify_experiment(ran(experiment, executor))
    assert [it.identical for it in found.trials] == [True, False, True]
    difference = found.trials[1].difference
    assert difference is not None
    assert (difference.what, difference.batch, difference.cause) == (what, batch, cause)
    assert not found.identical
    assert executor._running == {}


@pytest.mark.parametrize(
    ("kind", "at"), [("started", [1]), ("step", [1]), ("validation", []), ("checkpoint", [1]), ("done", [4])]
)
def test_the_distance_is_measured_from_where_the_variables_may_differ(
    experiment: Any, monkeypatch: pytest.MonkeyPatch, kind: str, at: list[int]
) -> None:
    measured: list[int] = []

    def measuring(original: Path, repeated: Path) -> Distance:
        steps = {json.loads((it / "state.json").read_bytes())["step"] for it in (original, repeated)}
        measured.extend(steps)
        return Distance(5, "dense/kernel")

    monkeypatch.setattr("pedl.verify.second_look.distance", measuring)
    executor = FakeExecutor(script=Script(differs_when_repeated={2: kind}))
    one = ran(experiment, executor, checkpoint_storage={"save_trial_latest": 9})
    executor.started.clear()
    difference = verify_experiment(one).trials[1].difference
    assert difference is not None and measured == at
    assert (difference.ulps, "next checkpoint" in difference.message) == ((5, True) if at else (None, False))
    again = [task["trial_id"] for task in executor.started].count(2)
    assert again == (2 if at else 1)  # nothing is trained again where there is nothing to measure


def test_a_trial_that_is_over_leaves_no_checkpoint_aside(experiment: Any) -> None:
    executor = FakeExecutor(script=Script(differs_when_repeated={2: "checkpoint"}, lost={3: 3}))
    one = ran(experiment, executor)
    left: dict[int, int] = {}
    found = verify_experiment(one, on_change=lambda it: left.update({it.trial_id or 0: len(aside(one.home))}))
    assert [it.identical for it in found.trials] == [True, False, True]
    assert left == {1: 0, 2: 0, 3: 0}


def aside(home: Home) -> list[Path]:
    """The checkpoints that a verification keeps for now."""
    return [it for it in (home.path / "experiments").glob(".new-*/checkpoints/*/*") if it.is_dir()]


def test_what_clones_start_from_stays_until_they_are_over(experiment: Any) -> None:
    executor = FakeExecutor()
    one = experiment(executor, searcher={"metric": "accuracy", "smaller_is_better": False, **SEARCHERS["pbt"]})
    one.run(workers=2)
    left: list[int] = []
    found = verify_experiment(one, workers=1, on_change=lambda _: left.append(len(aside(one.home))))
    assert found.identical and max(left) > 0 and left[-1] == 0

    created = [event for event in one.home.events(1) if event.kind == "trial_created" and event.payload.get("parent")]
    clone = created[-1].trial_id
    first = min(it.payload["step"] for it in one.home.events(1) if (it.kind, it.trial_id) == ("step", clone))

    def otherwise(payload: dict[str, Any]) -> None:
        if payload["step"] == first:
            payload.update(states=base64.b64encode(b"otherwise 2words").decode())

    rewrite(one.home, "step", otherwise, trial_id=clone)
    found = verify_experiment(one, trials=[clone])
    difference = next(it.difference for it in found.trials if it.trial_id == clone)
    assert difference is not None and "Run once more" in difference.message


def test_only_the_trials_that_were_asked_for_are_run(experiment: Any) -> None:
    executor = FakeExecutor()
    one = ran(experiment, executor)
    executor.started.clear()
    found = verify_experiment(one, trials=[3])
    assert [it.trial_id for it in found.trials] == [3]
    assert (found.identical, found.complete, found.recorded_trials) == (True, False, 3)
    assert found.not_executed == ("Trials that were not run again: 1 to 2.",)
    assert {task["trial_id"] for task in executor.started} == {0, 3}
    with pytest.raises(StoreError, match="There is no trial 1/4; experiment 1 has trials 1 to 3"):
        verify_experiment(one, trials=[4])


@pytest.mark.parametrize("kind", ["nan", "code", "data"])
def test_a_failure_of_the_trials_own_must_come_again(experiment: Any, kind: str) -> None:
    executor = FakeExecutor(script=Script(fails={2: (3, kind)}))
    one = ran(experiment, executor)
    found = verify_experiment(one)
    assert found.identical
    assert found.trials[1].note == f"it failed in the original ({kind}), and did so again"
    assert found.trials[1].steps == 2

    executor.script.fails = {}
    difference = verify_experiment(one).trials[1].difference
    assert difference is not None
    assert (difference.what, difference.step, difference.recorded, difference.cause) == ("failure", 3, kind, "failure")


@pytest.mark.parametrize("kind", ["code", "data"])
def test_a_failure_after_the_last_step_that_does_not_come_again_is_a_difference(experiment: Any, kind: str) -> None:
    executor = FakeExecutor(script=Script(fails_validated={2: kind}))
    one = ran(experiment, executor)
    found = verify_experiment(one)
    assert found.identical and found.trials[1].note == f"it failed in the original ({kind}), and did so again"

    executor.script.fails_validated = {}
    trial = verify_experiment(one).trials[1]
    assert not trial.identical and trial.difference is not None
    difference = trial.difference
    assert (difference.what, difference.step, difference.recorded, difference.repeated) == ("failure", 4, kind, "none")
    assert "It failed after step 4, and now did not" in difference.message
    assert "so again" not in trial.note


def failing_at(line: int, error: str, directory: str = "/a/home/1/model_definition") -> str:
    frames = f'  File "{directory}/model_def.py", line {line}, in loss\n    return table[key]\n'
    return f"Traceback (your code only):\n{frames}{error}"


@pytest.mark.parametrize(
    ("otherwise", "repeated"),
    [
        (failing_at(7, "ValueError: 'x'"), "code: ValueError in model_def.py, line 7, in loss"),
        (failing_at(8, "KeyError: 'x'"), "code: KeyError in model_def.py, line 8, in loss"),
        ("KeyError: 'x'", "code: KeyError"),
    ],
    ids=["another type", "another line", "no line of the user's"],
)
def test_a_failure_of_another_type_or_elsewhere_has_not_come_again(
    experiment: Any, otherwise: str, repeated: str
) -> None:
    executor = FakeExecutor(script=Script(fails={2: (3, "code")}, traceback=failing_at(7, "KeyError: 'x'")))
    one = ran(experiment, executor)
    executor.script.traceback = otherwise
    difference = verify_experiment(one).trials[1].difference
    assert difference is not None
    assert (difference.what, difference.step, difference.cause) == ("failure", 3, "failure")
    assert difference.recorded == "code: KeyError in model_def.py, line 7, in loss"
    assert difference.repeated == repeated


def test_what_a_failure_quotes_and_where_a_repetition_lies_is_no_difference(experiment: Any) -> None:
    executor = FakeExecutor(script=Script(fails={2: (3, "code")}))
    executor.script.says = "OSError: '/a/home/1/x.csv' at 12:04:55 by process 4711, <Table at 0x7f01>"
    executor.script.traceback = failing_at(7, f"{executor.script.says}\nand more at 12:04:55")
    one = ran(experiment, executor)
    executor.script.says = "OSError: '/b/aside/x.csv' at 17:22:01 by process 321, <Table at 0x7fa2>"
    executor.script.traceback = failing_at(7, f"{executor.script.says}\nand more at 17:22:01", "/b/aside/definition")
    found = verify_experiment(one)
    assert found.identical and found.trials[1].note == "it failed in the original (code), and did so again"


def test_only_the_weights_after_the_last_rung_are_final_ones(experiment: Any) -> None:
    executor = FakeExecutor()
    one = experiment(executor, searcher={"metric": "accuracy", "smaller_is_better": False, **SEARCHERS["asha"]})
    one.run(workers=2)
    trial = next(it for it in one.describe()["trials"] if len(reached(one, it["id"])) > 1)
    last = max(reached(one, trial["id"]))

    def otherwise(payload: dict[str, Any]) -> None:
        if payload["step"] == last:
            payload.update(weights_sha256="00")

    rewrite(one.home, "reached", otherwise, trial_id=trial["id"])
    (found,) = verify_experiment(one, trials=[trial["id"]]).trials
    assert not found.identical and not found.weights


def over_rungs(experiment: Any, executor: FakeExecutor) -> tuple[Experiment, int]:
    """Returns a search over rungs, and the first trial that went on above one."""
    one = experiment(executor, searcher={"metric": "accuracy", "smaller_is_better": False, **SEARCHERS["asha"]})
    one.run(workers=2)
    return one, next(it["id"] for it in one.describe()["trials"] if len(reached(one, it["id"])) > 1)


def test_a_trial_that_was_stopped_above_a_rung_has_no_final_weights(experiment: Any) -> None:
    one, trial_id = over_rungs(experiment, FakeExecutor())
    rung, end = reached(one, trial_id)[-2:]
    forget(one.home, "trial_closed", trial_id=trial_id)
    with sqlite3.connect(one.home.path / "pedl.db") as connection:
        query = "DELETE FROM events WHERE kind = 'reached' AND trial_id = ? AND payload LIKE ?"
        connection.execute(query, (trial_id, f'%"step":{end},%'))
    assert max(reached(one, trial_id)) == rung
    (found,) = verify_experiment(one, trials=[trial_id]).trials
    assert found.identical and not found.weights


def test_a_trial_that_failed_above_a_rung_has_no_final_weights_and_lacks_nothing(experiment: Any) -> None:
    executor = FakeExecutor()
    one, trial_id = over_rungs(experiment, executor)
    executor.script.fails = {trial_id: (reached(one, trial_id)[0] + 1, "nan")}
    one, other_id = over_rungs(experiment, executor)
    found = verify_experiment(one)
    assert found.identical and found.complete and found.not_executed == ()
    assert {it.trial_id for it in found.trials if not it.weights} == {trial_id} != {other_id}


def reached(one: Experiment, trial_id: int) -> list[int]:
    return [it.payload["step"] for it in one.home.events(one.id) if (it.kind, it.trial_id) == ("reached", trial_id)]


def test_a_failure_that_was_not_recorded_is_a_difference(experiment: Any) -> None:
    executor = FakeExecutor()
    one = ran(experiment, executor)
    executor.script.fails = {2: (3, "nan")}
    difference = verify_experiment(one).trials[1].difference
    assert difference is not None
    assert (difference.what, difference.step, difference.repeated) == ("failure", 3, "nan")
    assert "failed in step 3" in difference.message


def test_lost_processes_are_started_again_and_no_difference(experiment: Any) -> None:
    executor = FakeExecutor()
    one = ran(experiment, executor)
    executor.script.lost = {2: 3}  # its second and third attempt: of the verification
    found = verify_experiment(one)
    assert found.identical
    assert [it.checkpoints for it in found.trials] == [4, 4, 4]


@pytest.mark.parametrize("allowed", [0, 2])
def test_a_process_that_is_lost_too_often_ends_the_verification_and_is_no_difference(
    experiment: Any, allowed: int
) -> None:
    executor = FakeExecutor()
    one = ran(experiment, executor, max_restarts=allowed)
    executor.script.lost = {2: 1 + allowed}  # the attempts of the verification but for the last that is allowed
    assert verify_experiment(one).identical
    executor.script.lost = {2: 10**6}
    with pytest.raises(TrialFailed, match=f"Trial 2 could not be run again: its process was lost {allowed + 1} time"):
        verify_experiment(one)
    assert executor._running == {}


@pytest.mark.parametrize("stop", ["pause", "cancel", "kill"])
def test_a_trial_that_was_stopped_half_way_is_compared_as_far_as_its_record_goes(experiment: Any, stop: str) -> None:
    one = experiment(None, max_restarts=0)

    def stopping(running: Experiment) -> None:
        if running.describe()["trials"][0]["steps_completed"] == 2:
            one.home.request(1, stop, {})

    one.run(workers=1, on_change=stopping)
    assert one.state in ("PAUSED", "CANCELED")
    found = verify_experiment(one)
    assert found.identical
    recorded = one.describe()["trials"][0]["steps_completed"]
    assert 2 <= recorded < 4
    assert (found.trials[0].steps, found.trials[0].weights) == (recorded, False)
    assert found.trials[0].note == f"its record ends with step {recorded}: it was not over"
    assert (found.trials[2].steps, found.trials[2].note) == (0, "nothing was recorded of it")
    assert (found.over, found.complete, found.trials[0].over) == (stop != "pause", False, False)
    assert ("The experiment is not over" in found.not_executed[0]) == (stop == "pause")
    if stop == "pause":
        one.run(workers=1)
        assert verify_experiment(one).identical


def test_another_library_version_is_told_first_and_is_the_cause_of_what_differs(experiment: Any) -> None:
    one = ran(experiment)

    def older(payload: dict[str, Any]) -> None:
        payload["numeric_profile"]["tensorflow"] = "2.20"

    rewrite(one.home, "started", older)
    told: list[Any] = []
    found = verify_experiment(one, on_change=told.append)
    assert found.identical
    assert isinstance(told[0], ProfileDifference) and isinstance(told[1], TrialVerification)
    assert (told[0].entry, told[0].recorded, told[0].found) == ("tensorflow", "2.20", PROFILE["tensorflow"])
    assert [it.cause for it in found.profile_differences] == ["versions"]

    rewrite(one.home, "step", lambda payload: payload["metrics"].update(loss=0.5), trial_id=2)
    difference = verify_experiment(one).trials[1].difference
    assert difference is not None and difference.cause == "versions"
    assert "tensorflow: recorded 2.20, found 2.21" in difference.message


def test_another_session_is_a_matter_of_the_pools(experiment: Any) -> None:
    executor = FakeExecutor(script=Script(session_config={2: {"intra_op": 1}}))
    one = ran(experiment, executor)
    assert verify_experiment(one).identical
    executor.script.session_config = {2: {"intra_op": 3}}
    difference = verify_experiment(one).trials[1].difference
    assert difference is not None
    assert (difference.what, difference.cause) == ("session_config", "pools")
    assert (difference.recorded, difference.repeated) == ({"intra_op": 1}, {"intra_op": 3})


@pytest.mark.parametrize(
    ("kind", "change", "cause"),
    [
        ("trial_created", lambda payload: payload["hparams"].update(units=99), "hyperparameters"),
        ("trial_targeted", lambda payload: payload.update(until_step=3), "decisions"),
    ],
)
def test_a_search_that_decides_otherwise_is_named(experiment: Any, kind: str, change: Any, cause: str) -> None:
    one = ran(experiment)
    rewrite(one.home, kind, change, trial_id=2)
    found = verify_experiment(one, trials=[1])
    assert not found.identical and found.trials[0].identical
    assert found.difference is not None and found.difference.cause == cause
    assert "on trial 2" in found.difference.message


def forget(home: Home, *kinds: str, trial_id: int) -> None:
    """Takes events of a trial out of the record."""
    with sqlite3.connect(home.path / "pedl.db") as connection:
        for kind in kinds:
            connection.execute("DELETE FROM events WHERE kind = ? AND trial_id = ?", (kind, trial_id))


@pytest.mark.parametrize(
    ("lacks", "repeated"),
    [(("trial_closed",), ["trial_closed", 3, {}]), (("reached", "trial_closed"), "nothing")],
)
def test_a_search_that_was_over_and_decides_more_is_a_difference(
    experiment: Any, lacks: tuple[str, ...], repeated: Any
) -> None:
    one = ran(experiment)
    forget(one.home, *lacks, trial_id=3)
    found = verify_experiment(one, trials=[1])
    assert not found.identical and found.difference is not None
    assert (found.difference.cause, found.decisions) == ("decisions", 8)
    assert (found.difference.recorded, found.difference.repeated) == ("nothing", repeated)
    assert "The search was over after 8 decisions, and is not over on the same results" in found.difference.message


def test_a_result_whose_decision_is_yet_to_be_recorded_is_no_difference(experiment: Any) -> None:
    """As a master leaves it that dies between the two: going on decides it."""
    one = ran(experiment)
    forget(one.home, "trial_closed", trial_id=3)
    with sqlite3.connect(one.home.path / "pedl.db") as connection:
        connection.execute("DELETE FROM events WHERE kind = 'completed'")
    assert verify_experiment(one).identical


def test_a_changed_line_of_code_is_named_even_if_nothing_else_differs(experiment: Any) -> None:
    one = ran(experiment)
    code = one.home.paths(1).model_definition / "model_def.py"
    code.write_text("x = 2\n")
    found = verify_experiment(one)
    assert all(it.identical for it in found.trials) and not found.identical
    assert found.code_change is not None and found.code_change.startswith("model_def.py was changed")

    rewrite(one.home, "step", lambda payload: payload["metrics"].update(loss=0.5), trial_id=2)
    difference = verify_experiment(one).trials[1].difference
    assert difference is not None and difference.cause == "code"


def test_what_a_trial_wrote_beside_its_code_does_not_meet_its_repetition(experiment: Any) -> None:
    executor = FakeExecutor()
    one = ran(experiment, executor)
    (one.home.paths(1).model_definition / "notes.txt").write_text("left by training")
    seen: list[list[str]] = []
    start = executor.start

    def looking(task: dict[str, Any]) -> Any:
        seen.append(sorted(path.name for path in Path(task["definition"]).iterdir()))
        return start(task)

    executor.start = looking  # type: ignore[method-assign]
    assert verify_experiment(one).identical
    assert seen and all(names == ["model_def.py"] for names in seen)


def test_a_comparison_that_sees_nothing_would_call_everything_identical(
    experiment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: the tests above fail without the comparison."""
    executor = FakeExecutor(script=Script(differs_when_repeated={2: "step"}))
    one = ran(experiment, executor)
    monkeypatch.setattr("pedl.verify.trial_check.first_difference", lambda *results: None)
    assert verify_experiment(one).identical


@pytest.mark.parametrize("name", ["asha", "async_halving", "pbt"])
@pytest.mark.parametrize("workers", [1, 3])
def test_searches_that_look_at_results_are_verified_trial_by_trial(experiment: Any, name: str, workers: int) -> None:
    one = experiment(None, searcher={"metric": "accuracy", "smaller_is_better": False, **SEARCHERS[name]})
    one.run(workers=2)
    found = verify_experiment(one, workers=workers)
    assert found.identical
    trained = [trial for trial in one.describe()["trials"] if trial["steps_completed"]]
    assert [it.steps for it in found.trials if it.steps] == [trial["steps_completed"] for trial in trained]
    assert all(it.weights for it in found.trials)


def test_a_clone_is_verified_with_the_trials_that_it_comes_from(experiment: Any) -> None:
    one = experiment(None, searcher={"metric": "accuracy", "smaller_is_better": False, **SEARCHERS["pbt"]})
    one.run(workers=2)
    created = [event for event in one.home.events(1) if event.kind == "trial_created" and event.payload.get("parent")]
    clone, parent = created[-1].trial_id, created[-1].payload["parent"]["trial_id"]
    found = verify_experiment(one, trials=[clone])
    assert found.identical
    assert {parent, clone} <= {it.trial_id for it in found.trials}


def test_a_clone_of_a_trial_that_differs_cannot_be_repeated_and_says_so(experiment: Any) -> None:
    executor = FakeExecutor()
    one = experiment(executor, searcher={"metric": "accuracy", "smaller_is_better": False, **SEARCHERS["pbt"]})
    one.run(workers=2)
    created = [event for event in one.home.events(1) if event.kind == "trial_created" and event.payload.get("parent")]
    parent = created[0].payload["parent"]["trial_id"]
    rewrite(one.home, "step", lambda payload: payload["metrics"].update(loss=0.5), trial_id=parent)
    found = {it.trial_id: it.difference for it in verify_experiment(one).trials}
    difference = found[created[0].trial_id]
    assert found[parent] is not None and difference is not None
    assert f"It starts from trial {parent}, which differs before that" in difference.message


def test_another_version_of_optuna_is_the_cause_of_other_suggestions_and_of_nothing_else(experiment: Any) -> None:
    pytest.importorskip("optuna")
    executor = FakeExecutor(script=Script(profile={**PROFILE, "optuna": "4.6.0"}))
    one = experiment(executor, searcher={"metric": "accuracy", **SEARCHERS["optuna"]})
    one.run(workers=2)
    rewrite(one.home, "started", lambda payload: payload["numeric_profile"].update(optuna="4.5.0"))
    rewrite(one.home, "step", lambda payload: payload["metrics"].update(loss=0.5), trial_id=2)
    found = verify_experiment(one, trials=[2])
    assert [(it.entry, it.recorded, it.found) for it in found.profile_differences] == [("optuna", "4.5.0", "4.6.0")]
    difference = found.trials[0].difference
    assert found.difference is None and difference is not None and difference.cause == "operation"

    rewrite(one.home, "trial_created", lambda payload: payload["hparams"].update(units=99), trial_id=5)
    found = verify_experiment(one, trials=[1])
    assert found.difference is not None and found.difference.cause == "versions"
    assert "optuna: recorded 4.5.0, found 4.6.0" in found.difference.message
    assert "Decision" in found.difference.message and "on trial 5" in found.difference.message
