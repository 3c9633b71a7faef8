"""Two experiments side by side, from their records: which difference is the first, and what is no difference."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from pedl.errors import InputError, StoreError
from pedl.experiment import Experiment, create_experiment
from pedl.verify.compare import Side, compare
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import PROFILE, FakeExecutor, Script
from tests.search.schedules import SEARCHERS
from tests.verify.test_certificate import first_word
from tests.verify.test_verifying import rewrite


@pytest.fixture
def ran(tmp_path: Path, definition: Path) -> Any:
    def run(
        script: Script | None = None, seed: int = 7, code: str = "x = 1\n", source: Path = definition, **changes: Any
    ) -> Experiment:
        if code != "x = 1\n":
            source = tmp_path / "other"
            source.mkdir()
            (source / "model_def.py").write_text(code)
        made = create_experiment(
            configuration(**changes), source, tmp_path / "home", seed, FakeExecutor(script=script or Script())
        )
        made.run(workers=1)
        return made

    return run


def compared(one: Experiment, other: Experiment) -> dict[str, Any]:
    found = compare(Side(one), Side(other)).to_dict()
    return {"first": found["first"], **{it["name"]: it["differences"] for it in found["sections"]}}


def test_the_same_experiment_run_twice_is_identical_whatever_it_is_called(ran: Any) -> None:
    found = compare(Side(ran()), Side(ran(description="again", labels=["b"])))
    assert found.identical and found.first is None
    assert [section.name for section in found.sections] == [
        "configuration", "code", "numeric profile", "decisions", "batches", "metrics", "weights",
    ]  # fmt: skip
    plain = json.loads(json.dumps(found.to_dict()))
    assert (plain["identical"], plain["over"], plain["batches"]) == (True, True, found.batches) and found.batches > 0


def test_the_only_class_of_a_file_may_be_named(ran: Any) -> None:
    only, named = ran(), ran(entrypoint="model_def:ATrial")
    assert compare(Side(only), Side(named)).identical
    found = compared(ran(entrypoint="model_def:BTrial"), named)
    assert found["configuration"] == ["entrypoint: model_def:BTrial and model_def:ATrial"]
    assert compared(only, ran(entrypoint="other:ATrial"))["first"] == "configuration"


def test_the_only_class_of_a_package_is_not_that_of_a_module_in_it(tmp_path: Path, ran: Any, definition: Path) -> None:
    package = tmp_path / "package"
    shutil.copytree(definition, package)
    (package / "__init__.py").write_text("")
    only, named = (ran(source=package, **changes) for changes in ({}, {"entrypoint": "model_def:ATrial"}))
    assert compared(only, named)["first"] == "configuration"


def test_what_was_not_run_is_compared_as_far_as_it_is_recorded(tmp_path: Path, definition: Path) -> None:
    new = create_experiment(configuration(), definition, tmp_path / "home", 7, FakeExecutor())
    found = compare(Side(new), Side(new))
    assert (found.identical, found.over, found.batches) == (True, False, 0)


def test_numbers_of_other_types_and_empty_mappings_are_told_apart(ran: Any) -> None:
    one, other = ran(data={"a": 1, "b": True, "c": {}}), ran(data={"a": 1.0, "b": 1})
    assert compared(one, other)["configuration"] == [
        "data.a: 1 and 1.0",
        "data.b: True and 1",
        "data.c: {} and nothing",
    ]


def test_another_seed_differs_in_the_configuration_and_in_all_that_follows(ran: Any) -> None:
    found = compared(ran(), ran(seed=8))
    assert found["first"] == "configuration"
    assert found["configuration"] == ["reproducibility.experiment_seed: 7 and 8"]
    assert found["code"] == found["numeric profile"] == []
    assert found["decisions"] and found["batches"] and found["metrics"] and found["weights"]


def test_a_changed_line_of_code_is_shown_with_both_sides(ran: Any) -> None:
    found = compared(ran(), ran(code="x = 1\ny = 2\n"))
    assert (found["first"], found["code"]) == ("code", ["model_def.py, line 2: nothing and 'y = 2'"])


def test_another_version_is_a_difference_of_the_profile(ran: Any) -> None:
    found = compared(ran(), ran(Script(profile={**PROFILE, "tensorflow": "2.20"})))
    assert (found["first"], found["numeric profile"]) == ("numeric profile", ["tensorflow: 2.21 and 2.20"])


def test_another_hyperparameter_is_a_decision(ran: Any) -> None:
    hparams = {"units": {"type": "int", "minval": 4, "maxval": 64}, "nested": {"rate": 0.25}}
    found = compared(ran(), ran(hyperparameters=hparams))
    assert found["first"] == "configuration"
    assert found["decisions"][0] == "trial 1: hparams.nested.rate: 0.5 and 0.25"


@pytest.mark.parametrize(
    ("kind", "first", "line"),
    [
        ("started", "batches", "trial 2: initial_state: .* Cause: initial weights"),
        ("step", "batches", r"trial 2: batch 2 \(step 1\), states, batch 2 of the step: .* Cause: operation"),
        ("validation", "metrics", "trial 2: step 2, validation metrics.accuracy: .* and 0.0"),
        ("done", "weights", "trial 2: .* and 00"),
    ],
)
def test_the_first_trial_that_came_out_otherwise_is_named(ran: Any, kind: str, first: str, line: str) -> None:
    one = ran()
    other = ran(Script(lost={2: 1}, differs_when_repeated={}))
    assert compare(Side(one), Side(other)).identical  # a restart is no difference
    executor = FakeExecutor(script=Script(differs_when_repeated={2: kind}))
    executor._attempts[2] = 1  # every attempt of trial 2 is a second one
    third = create_experiment(configuration(), one.home.paths(1).model_definition, one.home, 7, executor)
    third.run(workers=1)
    found = compared(one, third)
    assert found["first"] == first
    (difference,) = found[first]
    assert re.match(line, difference)


def test_two_trials_can_be_compared_and_a_trial_with_an_experiment_cannot(ran: Any) -> None:
    one = ran()
    found = compare(Side(one, 1), Side(one, 2))
    assert not found.identical and found.first is not None and found.first.name == "decisions"
    assert any(line.startswith("trial 1 and 2: trial_seed") for line in found.first.differences)
    assert compare(Side(one, 1), Side(one, 1)).identical
    with pytest.raises(InputError, match="1 and 1/2: expected two experiments, such as 1 2, or two trials, 1/3 2/3"):
        compare(Side(one), Side(one, 2))
    with pytest.raises(StoreError, match="There is no trial 1/9"):
        compare(Side(one, 1), Side(one, 9))


def test_trials_that_one_side_lacks_are_told(ran: Any) -> None:
    searcher = {"name": "random", "metric": "accuracy", "smaller_is_better": False, "max_steps": 4, "max_trials": 2}
    assert "trial 3: only one side has it" in compared(ran(), ran(searcher=searcher))["decisions"]


def changed(trial: int, kind: str, change: Any) -> Any:
    """Changes the last event of a kind of one trial of an experiment."""

    def apply(one: Experiment) -> None:
        last = [it.payload for it in one.home.events(one.id) if (it.kind, it.trial_id) == (kind, trial)][-1]
        rewrite(one.home, kind, lambda payload: change(payload) if payload == last else None, trial, one.id)

    return apply


def with_other_batches(one: Experiment, *trial_ids: int) -> Experiment:
    for trial_id in trial_ids:
        rewrite(one.home, "step", lambda it: first_word(it, "states"), trial_id, one.id)
    return one


def causes(one: Experiment, other: Experiment) -> list[str]:
    return [line.partition("Cause: ")[2].partition(".")[0] for line in compared(one, other)["batches"]]


def test_what_was_trained_with_other_hyperparameters_is_no_fault_of_an_operation(ran: Any) -> None:
    hparams = {"units": {"type": "int", "minval": 4, "maxval": 64}, "nested": {"rate": 0.25}}
    one, other = ran(), with_other_batches(ran(hyperparameters=hparams), 1, 2, 3)
    rewrite(other.home, "started", lambda it: it.update(initial_state="00"), 2, other.id)
    assert causes(one, other) == ["hyperparameters"] * 3
    found = compared(one, other)["batches"]
    assert "Cause: hyperparameters. The trials were given other things: hparams.nested.rate: 0.5 and 0.25. " in found[1]
    assert "hparams.nested.rate: 0.5 and 0.25. The variables differ before the first batch." in found[1]


def test_each_trial_is_told_what_it_alone_was_given(ran: Any) -> None:
    given = [
        ("trial_created", lambda it: it["hparams"].update(units=99), "hyperparameters"),
        ("trial_created", lambda it: it.update(trial_seed=99), "seed"),
        ("trial_created", lambda it: it.update(streams={"data": 5}), "seed"),
        ("started", lambda it: it["numeric_profile"].update(instruction_set=["X86_V4"]), "instruction set"),
        ("trial_targeted", lambda it: it.update(until_step=9), "operation"),
    ]
    searcher = {"name": "random", "metric": "accuracy", "max_steps": 2, "max_trials": len(given)}
    one, other = ran(searcher=searcher), ran(searcher=searcher)
    with_other_batches(other, *range(1, 1 + len(given)))
    for trial_id, (kind, change, _) in enumerate(given, start=1):
        changed(trial_id, kind, change)(other)
    assert causes(one, other) == [cause for _, _, cause in given]


def test_a_field_that_batches_follow_from_is_a_cause_and_no_other(ran: Any) -> None:
    other_data = ran(data={"file": "a"}, environment={"environment_variables": {"A": "1"}})
    one, again = ran(), with_other_batches(ran(max_restarts=3, min_checkpoint_period=2, labels=["b"]), 2)
    assert causes(one, again) == ["operation"]
    assert causes(other_data, again) == ["configuration"]
    (line,) = compared(other_data, again)["batches"]
    assert "given other things: " in line and "data.file: a and nothing; " in line
    assert "environment.environment_variables.A: 1 and nothing" in line


def test_words_of_tensors_at_every_batch_are_compared_with_those_at_the_end_of_a_step(ran: Any) -> None:
    def every_batch(step: dict[str, Any]) -> None:
        step["tensors"] = {name: f"{7:016x}{word}" for name, word in step["tensors"].items()}

    one, other = ran(), ran()
    for trial_id in (1, 2):
        changed(trial_id, "step", every_batch)(other)
    assert compared(one, other)["batches"] == []
    changed(2, "step", lambda it: it.update(tensors=dict.fromkeys(it["tensors"], f"{7:032x}")))(other)
    (line,) = compared(one, other)["batches"]
    assert line.startswith("trial 2: tensors.") and line.endswith("Tensors: dense/kernel.")


def test_a_trial_that_was_begun_with_another_profile_is_told_so(ran: Any) -> None:
    one, other = ran(), with_other_batches(ran(), 1, 2)
    (started,) = [it for it in other.home.events(other.id) if (it.kind, it.trial_id) == ("started", 2)]
    with sqlite3.connect(other.home.path / "pedl.db") as connection:
        before = {**started.payload, "numeric_profile": {**PROFILE, "tensorflow": "2.20"}}
        connection.execute(
            "UPDATE events SET kind = 'started', payload = ? WHERE experiment_id = ? AND kind = 'trial_targeted' "
            "AND trial_id = 2",
            (json.dumps(before), other.id),
        )
    found = compared(one, other)
    assert found["numeric profile"] == ["tensorflow: 2.21 and 2.20"]
    assert causes(one, other) == ["operation", "versions"]


def never_closed(one: Experiment) -> None:
    with sqlite3.connect(one.home.path / "pedl.db") as connection:
        connection.execute("DELETE FROM events WHERE kind = 'trial_closed' AND experiment_id = ?", (one.id,))


CHANGES = {
    "nothing": lambda one: None,
    "another reason to be closed": changed(1, "trial_closed", lambda it: it.update(reason="stopped")),
    "hparams": changed(2, "trial_created", lambda it: it["hparams"].update(units=99)),
    "an integer as a float": changed(2, "trial_created", lambda it: it["hparams"].update(units=1.0)),
    "streams": changed(2, "trial_created", lambda it: it.update(streams={"data": 5})),
    "closed": never_closed,
    "target": changed(2, "trial_targeted", lambda it: it.update(until_step=9)),
    "metric": changed(1, "validation", lambda it: it["metrics"].update(loss=2.0)),
    "metric that one side has": changed(1, "validation", lambda it: it["metrics"].update(more=2.0)),
    "training": changed(3, "step", lambda it: it["metrics"].update(loss=-0.0)),
    "final weights": changed(1, "reached", lambda it: it.update(weights_sha256="00")),
}


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.parametrize("searcher", ["random", "asha"])
def test_what_is_identical_has_one_outcome(ran: Any, name: str, searcher: str) -> None:
    searchers = {} if searcher == "random" else {"searcher": {"metric": "accuracy", **SEARCHERS[searcher]}}
    one, other = ran(**searchers), ran(Script(lost={2: 1}), **searchers)
    assert one.outcome_sha256 is not None
    CHANGES[name](other)
    same = one.outcome_sha256 == other.outcome_sha256
    assert compare(Side(one), Side(other)).identical == same


def test_another_kind_of_failure_is_a_difference_and_another_message_is_none(ran: Any) -> None:
    one = ran(Script(fails={2: (3, "nan")}))
    assert compare(Side(one), Side(ran(Script(fails={2: (3, "nan")}, says="ended")))).identical
    found = compared(one, ran(Script(fails={2: (3, "code")})))
    assert (found["first"], found["decisions"]) == ("decisions", ["trial 2: failure: nan and code"])


def test_what_one_side_alone_has_trained_is_no_equal_batch(ran: Any) -> None:
    found = compared(ran(), ran(Script(fails={2: (1, "code")})))
    assert found["batches"] == ["trial 2: step 1 is recorded on one side alone"]


def test_an_experiment_that_goes_on_is_not_one_that_is_over(ran: Any) -> None:
    one, other = ran(), ran()
    with sqlite3.connect(other.home.path / "pedl.db") as connection:
        connection.execute("DELETE FROM events WHERE kind = 'completed' AND experiment_id = ?", (other.id,))
    assert (other.outcome_sha256, one.outcome_sha256 is None) == (None, False)
    assert compared(one, other)["decisions"] == ["state: COMPLETED and ACTIVE"]


def test_a_clone_of_another_parent_is_another_decision(ran: Any) -> None:
    searcher = {"metric": "accuracy", **SEARCHERS["pbt"]}
    one, other = ran(searcher=searcher), ran(searcher=searcher)
    assert compare(Side(one), Side(other)).identical
    created = [it for it in one.home.events(1) if it.kind == "trial_created"]
    clone = next(it for it in created if it.payload.get("parent"))
    parent = clone.payload["parent"]["trial_id"]
    another = next(it.trial_id for it in created if it.trial_id != parent and not it.payload.get("parent"))
    changed(clone.trial_id or 0, "trial_created", lambda it: it["parent"].update(trial_id=another))(other)
    found = compared(one, other)
    assert (found["first"], found["decisions"]) == (
        "decisions", [f"trial {clone.trial_id}: parent.trial_id: {parent} and {another}"]
    )  # fmt: skip
    assert one.outcome_sha256 != other.outcome_sha256
