"""A certificate says what was executed, and nothing else; whatever is changed in it or in the experiment is noticed."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from pedl.errors import InputError
from pedl.experiment import Experiment
from pedl.verify import certificate as certificates
from pedl.verify import verify_experiment
from pedl.verify.certificate import certificate, digests, disagreements, read, write
from tests.experiment.fake_executor import FakeExecutor, Script
from tests.verify.test_verifying import ran, rewrite

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=timezone.utc)


def certified(one: Experiment, file: Path, trials: list[int] | None = None) -> dict[str, Any]:
    found = verify_experiment(one, trials=trials)
    write(certificate(found, NOON, NOON), file)
    return read(file)


def counts(content: dict[str, Any]) -> dict[str, int]:
    return {it["check"]: it["count"] for it in content["executed"]}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "certificate.json"


def test_it_says_what_was_executed_and_agrees_with_its_experiment(experiment: Any, file: Path) -> None:
    one = ran(experiment)
    content = certified(one, file)
    assert (content["identical"], content["complete"], content["not_executed"]) == (True, True, [])
    assert counts(content) == {
        "decisions of the search made again": 9,
        "trials trained again": 3,
        "steps compared": 12,
        "batches compared: the data, and all variables after it": 24,
        "tensors compared one by one": 12,
        "metrics compared": 24,
        "checkpoints compared by their hash": 12,
        "final weights compared": 3,
        "trials that differ": 0,
    }
    assert content["began_at"] == content["ended_at"] == "2026-11-24T12:00:00+00:00"
    assert content["digests"]["outcome"] == one.outcome_sha256
    assert set(content["digests"]["trials"]) == {"1", "2", "3"}
    assert content["machine"]["numeric_profile_as_recorded"] is True
    assert disagreements(content, one) == []


def test_it_is_about_the_record_that_was_verified_and_not_about_what_came_since(experiment: Any, file: Path) -> None:
    one = ran(experiment)
    found = verify_experiment(one)
    rewrite(one.home, "reached", lambda it: it.update(weights_sha256="0" * 64), trial_id=3)
    write(certificate(found, NOON, NOON), file)
    assert [line.partition(":")[0] for line in disagreements(read(file), one)] == ["outcome", "trials.3.weights"]


def test_a_partial_verification_says_that_it_is_partial(experiment: Any, file: Path) -> None:
    content = certified(ran(experiment), file, trials=[2])
    assert (content["identical"], content["complete"]) == (True, False)
    assert content["not_executed"] == ["Trials that were not run again: 1, 3."]
    assert counts(content)["trials trained again"] == 1
    assert counts(content)["batches compared: the data, and all variables after it"] == 8


def test_a_trial_that_differs_is_certified_as_differing(experiment: Any, file: Path) -> None:
    content = certified(ran(experiment, FakeExecutor(script=Script(differs_when_repeated={2: "step"}))), file)
    assert (content["identical"], content["complete"]) == (False, False)
    assert content["executed"][-1] == {"check": "trials that differ", "count": 1, "trials": [2]}
    assert any(it.startswith("Trial 2: 0 of its 8 batches") for it in content["not_executed"])


def test_a_checkpoint_of_a_pause_is_made_and_compared_too(experiment: Any, file: Path) -> None:
    one = experiment(min_checkpoint_period=None)

    def pausing(running: Experiment) -> None:
        if running.describe()["trials"][0]["steps_completed"] == 1:
            one.home.request(1, "pause", {})

    one.run(workers=1, on_change=pausing)
    one.run(workers=1)
    content = certified(one, file)
    assert (content["identical"], content["complete"], content["not_executed"]) == (True, True, [])
    assert counts(content)["checkpoints compared by their hash"] == 3 + 1  # one at each trial's end


def test_the_order_in_which_results_arrived_is_in_no_digest(experiment: Any) -> None:
    one = ran(experiment)
    events = one.home.events(1)
    ids = [it.trial_id for it in events]
    first, second = (
        [it for it in events if it.trial_id is None and it.sequence < events[ids.index(1)].sequence],
        [it for trial in (3, 1, 2) for it in events if it.trial_id == trial],
    )
    rest = [it for it in events if it not in first and it not in second]
    other = [*first, *second, *rest]
    assert other != events
    assert digests(other) == digests(events)


def every_path(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path] + [it for name, value in items for it in every_path(value, (*path, name))]


def test_no_entry_can_be_changed_unnoticed(experiment: Any, file: Path) -> None:
    content = certified(ran(experiment), file)
    for path in every_path(content)[1:]:
        changed = json.loads(json.dumps(content))
        place = changed
        for name in path[:-1]:
            place = place[name]
        place[path[-1]] = "another" if place[path[-1]] != "another" else ""
        file.write_text(json.dumps(changed))
        with pytest.raises(InputError, match=r"is not as it was written|has format"):
            read(file)


def test_a_digest_that_was_changed_with_the_hash_is_noticed_at_the_experiment(experiment: Any, file: Path) -> None:
    """Whoever can write a hash can write another: it is the experiment that tells."""
    one = ran(experiment)
    content = certified(one, file)
    for path in every_path(content["digests"]):
        changed = json.loads(json.dumps(content))
        place = changed["digests"]
        for name in path[:-1]:
            place = place[name]
        if not path or isinstance(place[path[-1]], dict):
            continue
        place[path[-1]] = "another"
        assert [it.partition(":")[0] for it in disagreements(changed, one)] == [".".join(path)]


def first_word(payload: dict[str, Any], name: str) -> None:
    payload[name] = ("B" if payload[name][0] != "B" else "C") + payload[name][1:]


@pytest.mark.parametrize(
    ("kind", "change", "named"),
    [
        ("step", lambda it: first_word(it, "data"), "trials.2.data"),
        ("step", lambda it: first_word(it, "states"), "trials.2.record"),
        ("step", lambda it: it.update(fingerprint="0" * 64), "trials.2.fingerprint"),
        ("validation", lambda it: it["metrics"].update(accuracy=0.99), "trials.2.record"),
        ("reached", lambda it: it.update(weights_sha256="0" * 64), "trials.2.weights"),
        ("trial_created", lambda it: it["hparams"].update(more=1), "trials.2.hyperparameters"),
        ("trial_created", lambda it: it.update(trial_seed=1), "decisions"),
        ("started", lambda it: it["numeric_profile"].update(keras="9"), "environment"),
    ],
)
def test_a_record_that_was_changed_is_noticed(experiment: Any, file: Path, kind: str, change: Any, named: str) -> None:
    one = ran(experiment)
    content = certified(one, file)
    rewrite(one.home, kind, change, trial_id=2)
    assert named in [it.partition(":")[0] for it in disagreements(content, one)]


def test_a_configuration_that_was_changed_is_noticed(experiment: Any, file: Path) -> None:
    one = ran(experiment)
    content = certified(one, file)
    rewrite(one.home, "created", lambda it: it["config"].update(description="better"))
    assert [it.partition(":")[0] for it in disagreements(content, one)] == ["configuration"]


def test_code_that_was_changed_is_noticed(experiment: Any, file: Path) -> None:
    one = ran(experiment)
    content = certified(one, file)
    (code,) = one.home.paths(one.id).model_definition.glob("*.py")
    code.write_text(code.read_text() + "\n")
    (said,) = disagreements(content, one)
    assert said.startswith("the copy of the model definition was changed")
    assert code.name in said


def test_a_checkpoint_that_was_damaged_is_noticed(experiment: Any, file: Path) -> None:
    one = ran(experiment)
    content = certified(one, file)
    (kept, *_) = one.checkpoints(2)
    damaged = one.home.paths(1).checkpoint(2, kept.uuid) / "tensors.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    (said,) = disagreements(content, one)
    assert said.startswith(f"checkpoint {kept.uuid} of trial 2, step {kept.step}: ")


def test_another_experiment_of_the_same_number_is_noticed(experiment: Any, file: Path, tmp_path: Path) -> None:
    content = certified(ran(experiment), file)
    other = ran(experiment, seed=8)
    said = [it.partition(":")[0] for it in disagreements(content, other)]
    assert {"configuration", "decisions", "outcome", "trials.1.weights"} <= set(said)


def test_a_certificate_that_lacks_an_entry_is_refused_though_its_hash_is_right(experiment: Any, file: Path) -> None:
    body = {name: it for name, it in certified(ran(experiment), file).items() if name != "certificate_sha256"}
    del body["digests"]
    file.write_text(json.dumps({**body, "certificate_sha256": certificates._sha256(body)}))
    with pytest.raises(InputError, match="lacks digests"):
        read(file)


def test_what_is_no_certificate_is_refused_with_what_to_do(file: Path) -> None:
    with pytest.raises(InputError, match=r"is not a readable certificate: (.|\n)*make a new one: pedl"):
        read(file)
    file.write_text("[1]")
    with pytest.raises(InputError, match=r"write one with: pedl experiment verify ID --certificate"):
        read(file)
    file.write_text('{"format": 2, "certificate_sha256": ""}')
    with pytest.raises(
        InputError, match=r"has format 2, and this pedl .* reads 1\.\nCheck it with the version of pedl"
    ):
        read(file)
