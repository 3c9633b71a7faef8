"""Experiments whose search looks at results: one outcome, files where they are needed, and what people are told."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedl.errors import CheckpointError, PedlError
from pedl.experiment import Experiment, create_experiment, load_experiment, retention
from pedl.experiment.stalls import Stalls
from pedl.store import Home
from tests.experiment.conftest import configuration
from tests.experiment.fake_executor import FakeExecutor, Script
from tests.experiment.laws import no_crash_matters, one_outcome, recorded_once, run_to_the_end
from tests.search.schedules import SEARCHERS

LOOKING = [name for name in SEARCHERS if name != "random"]
each_searcher = pytest.mark.parametrize("name", LOOKING)


def config(name: str, **changes: Any) -> dict[str, Any]:
    if name == "optuna":
        pytest.importorskip("optuna")
    searcher = {**SEARCHERS[name], "metric": "accuracy", "smaller_is_better": False}
    return configuration(searcher=searcher, min_checkpoint_period=None, min_validation_period=None, **changes)


@pytest.fixture(scope="module")
def created(tmp_path_factory: pytest.TempPathFactory, definition: Path) -> Callable[[str], Path]:
    """Homes with one experiment that never ran, by the name of its search."""
    homes: dict[str, Path] = {}

    def home(name: str) -> Path:
        if name not in homes:
            homes[name] = tmp_path_factory.mktemp("created") / "home"
            create_experiment(config(name), definition, homes[name], 7, FakeExecutor())
        return homes[name]

    return home


@each_searcher
@given(seed=st.integers(0, 2**32), workers=st.sampled_from([1, 2, 3, 8]))
@settings(max_examples=2, deadline=None)
def test_any_order_duplicates_losses_and_deaths_of_the_master_give_one_outcome(
    created: Callable[[str], Path], name: str, seed: int, workers: int
) -> None:
    one_outcome(created(name), seed, workers)


@pytest.mark.soak
@each_searcher
@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_a_hundred_times_one_outcome(created: Callable[[str], Path], name: str, workers: int) -> None:
    for seed in range(100):
        one_outcome(created(name), seed, workers)


@pytest.mark.parametrize("name", ["asha", "pbt"])
def test_a_crash_between_any_two_events_changes_nothing(tmp_path: Path, definition: Path, name: str) -> None:
    few = {"asha": {"max_trials": 3, "max_rungs": 2, "max_steps": 2}, "pbt": {"population_size": 3, "num_rounds": 2}}[
        name
    ]
    settings = config(name)
    settings["searcher"].update(few)
    create_experiment(settings, definition, tmp_path / "home", 7, FakeExecutor())
    no_crash_matters(tmp_path / "home")


@pytest.fixture
def finished(created: Callable[[str], Path], tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Runs an experiment, and returns what it is described as."""

    def run(name: str, **script: Any) -> dict[str, Any]:
        shutil.copytree(created(name), tmp_path / name)
        run_to_the_end(tmp_path / name, FakeExecutor(script=Script(**script)), 2)
        return load_experiment(1, tmp_path / name).describe()

    return run


def test_rungs_promotions_and_reasons_are_told(finished: Callable[[str], dict[str, Any]]) -> None:
    described = finished("adaptive")
    first, second = described["brackets"]
    assert [rung["steps"] for rung in first["rungs"]] == [1, 4, 16]
    for bracket in (first, second):
        for rung, above in zip(bracket["rungs"], bracket["rungs"][1:], strict=False):
            assert (rung["reached"], rung["promoted"]) == (rung["trials"], above["trials"])
        assert (bracket["rungs"][-1]["reached"], bracket["rungs"][-1]["promoted"]) == (
            bracket["rungs"][-1]["trials"],
            0,
        )
    trials = first["rungs"][0]["trials"]
    for trial in described["trials"]:
        bracket = 1 if trial["id"] <= trials else 2
        rungs = described["brackets"][bracket - 1]["rungs"]
        steps = [rung["steps"] for rung in rungs]
        rung = steps.index(trial["steps_completed"]) + 1
        assert trial["rung"] == {"bracket": bracket, "rung": rung, "rungs": len(rungs)}
        assert (trial["stopped"] == "") == (rung == len(rungs))
        assert trial["state"] == "COMPLETED"
    assert any(trial["stopped"].startswith("not among the best ") for trial in described["trials"])


def test_a_clone_starts_from_its_parents_checkpoint_and_counts_from_its_own_start(
    finished: Callable[[str], dict[str, Any]],
) -> None:
    described = finished("pbt")
    clones = [trial for trial in described["trials"] if trial["parent"] is not None]
    assert len(described["trials"]) == 6 + 3 * 2 and len(clones) == 6
    (bracket,) = described["brackets"]
    assert [rung["reached"] for rung in bracket["rungs"]] == [6, 6, 6, 6]
    assert all(trial["id"] > trial["parent"]["trial_id"] for trial in clones)
    lives = sum(trial["steps_completed"] for trial in described["trials"])
    assert lives == 6 * 4 * 2


def test_a_search_without_rungs_shows_none(finished: Callable[[str], dict[str, Any]]) -> None:
    pytest.importorskip("optuna")
    described = finished("optuna")
    assert described["brackets"] == [] and described["trials"][0]["rung"] is None


def test_a_sampler_that_has_suggested_all_there_is_completes_the_experiment(experiment: Callable[..., Any]) -> None:
    settings = config("optuna", hyperparameters={"color": {"type": "categorical", "vals": ["red", "blue"]}})
    settings["searcher"].update(sampler={"name": "BruteForceSampler"}, lag=1)
    one = experiment(**settings)
    one.run(workers=2)
    assert one.state == "COMPLETED" and [it["hparams"]["color"] for it in one.describe()["trials"]] in (
        ["red", "blue"],
        ["blue", "red"],
    )


def test_a_sampler_that_fails_later_loses_no_result(
    experiment: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = config("optuna")
    settings["searcher"].update(sampler={"name": "RandomSampler"}, lag=1, max_trials=3)
    executor = FakeExecutor()
    one = experiment(executor, **settings)

    def broken(self: Any, study: Any, trial: Any, space: Any) -> dict[str, Any]:
        if trial.number == 1:
            raise OSError("no more numbers")
        return {}

    with monkeypatch.context() as patched:
        patched.setattr("optuna.samplers.RandomSampler.sample_relative", broken)
        for _ in range(2):  # the second time it is told at once
            with pytest.raises(PedlError, match="RandomSampler"):
                one.run(workers=1)
            assert one.state == "PAUSED" and one.describe()["trials"][0]["steps_completed"] == 2
    one.run(workers=1)
    assert one.state == "COMPLETED"
    assert [task["trial_id"] for task in executor.started if task["kind"] == "train"] == [1, 2, 3]


def _start_without_source(start: Callable[[Any], Any], task: dict[str, Any]) -> Any:
    return start({**task, "source": None})


def test_the_parent_decides_the_outcome_of_a_clone(
    created: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: a fake that forgot where a clone started from would have another outcome."""
    outcomes = []
    for forgets in (False, True):
        home = tmp_path / str(forgets)
        shutil.copytree(created("pbt"), home)
        executor = FakeExecutor()
        if forgets:
            forget = partial(_start_without_source, executor.start)
            monkeypatch.setattr(executor, "start", forget)
        run_to_the_end(home, executor, 2)
        outcomes.append(load_experiment(1, home).outcome_sha256)
    assert outcomes[0] != outcomes[1]


@pytest.mark.parametrize("name", ["asha", "pbt", "async_halving"])
def test_no_checkpoint_goes_while_somebody_may_go_on_from_it(
    created: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    """With nothing kept for its own sake, files stay where trials wait and where clones started, and then go."""
    shutil.copytree(created(name), tmp_path / "home")
    executor = FakeExecutor()

    def look(live: Any) -> None:
        for trial in live._live.trials.values():
            there = {path.name for path in live._home.paths(1).checkpoints(trial.id).glob("*")}
            if trial.reached and not trial.over:
                assert trial.checkpoints[-1]["uuid"] in there
            assert {kept["uuid"] for kept in trial.cloned_from} <= there
            assert len(trial.cloned_from) == len(set(trial.clones.values()))

    load_experiment(1, tmp_path / "home", executor).run(3, on_change=look)
    resumed = [task for task in executor.started if task["resume"] is not None]
    assert resumed and all(task["validated_at"] for task in resumed)


def test_a_rule_that_forgets_clones_is_missed(
    created: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept_for_itself = retention.kept_for_itself

    def forgetful(state: Any, trial: Any) -> list[Any]:
        return [] if trial.over else kept_for_itself(state, trial)

    monkeypatch.setattr(retention, "kept_for_itself", forgetful)
    with pytest.raises((AssertionError, StopIteration, CheckpointError)):
        test_no_checkpoint_goes_while_somebody_may_go_on_from_it(created, tmp_path, "pbt")


@dataclass
class Damaged:
    """A population that loses each parent's checkpoint once, while a clone waits for it; and one that loses none."""

    calm: Any
    one: Any
    executor: FakeExecutor
    done: set[int] = field(default_factory=set)

    def damage(self, live: Any) -> None:
        for trial in live._live.trials.values():
            for kept in trial.cloned_from:
                if trial.id not in self.done:
                    self.done.add(trial.id)
                    path = live._home.paths(1).checkpoint(trial.id, kept["uuid"])
                    (path / "tensors.safetensors").write_bytes(b"x")

    def run(self, workers: int) -> None:
        self.one.run(workers, on_change=self.damage)

    def is_as_calm(self) -> None:
        assert self.done and self.one.outcome_sha256 == self.calm.outcome_sha256
        told = [message for trial in self.one.describe()["trials"] for message in trial["messages"]]
        assert any("given up" in message for message in told)


@pytest.fixture
def damaged(definition: Path, tmp_path: Path) -> Callable[..., Damaged]:
    def make(script: Script) -> Damaged:
        create_experiment(config("pbt", max_restarts=2), definition, tmp_path / "calm", 7, FakeExecutor())
        shutil.copytree(tmp_path / "calm", tmp_path / "damaged")
        run_to_the_end(tmp_path / "calm", FakeExecutor(script=script), 1)
        executor = FakeExecutor(script=script)
        return Damaged(
            load_experiment(1, tmp_path / "calm"), load_experiment(1, tmp_path / "damaged", executor), executor
        )

    return make


def first_parent(described: dict[str, Any]) -> dict[str, int]:
    """Returns the trial and the step that the first clone started from."""
    return next(trial["parent"] for trial in described["trials"] if trial["parent"] is not None)


@pytest.mark.parametrize("workers", [1, 3])
def test_a_damaged_checkpoint_of_a_parent_is_made_again_to_the_same_bits(
    damaged: Callable[..., Damaged], tmp_path: Path, workers: int
) -> None:
    it = damaged(Script())
    it.run(workers)
    it.is_as_calm()
    again = [(task["trial_id"], task["until_step"]) for task in it.executor.started]
    assert len(again) > len(set(again)), "a parent was trained to that step once more"
    recorded_once(tmp_path / "damaged")


def test_that_of_a_parent_that_failed_meanwhile_too(
    damaged: Callable[..., Damaged], finished: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    parent = first_parent(finished("pbt"))
    it = damaged(Script(fails={parent["trial_id"]: (parent["step"] + 1, "user")}))
    it.run(1)
    it.is_as_calm()
    assert parent["trial_id"] in it.done
    assert it.one.describe()["trials"][parent["trial_id"] - 1]["state"] == "ERROR"
    recorded_once(tmp_path / "damaged")


def test_a_parent_that_is_lost_too_often_meanwhile_keeps_its_result_and_pauses_the_experiment(
    damaged: Callable[..., Damaged], monkeypatch: pytest.MonkeyPatch
) -> None:
    it = damaged(Script())
    start, seen = it.executor.start, set()

    def lose_who_comes_again(task: dict[str, Any]) -> Any:
        if (here := (task["trial_id"], task["until_step"])) in seen:
            it.executor.script.lost[task["trial_id"]] = 99
        seen.add(here)
        return start(task)

    monkeypatch.setattr(it.executor, "start", lose_who_comes_again)
    with pytest.raises(CheckpointError, match=r"trained again.*\n.*Go on with: pedl .*experiment activate 1"):
        it.run(1)
    assert it.one.state == "PAUSED"
    monkeypatch.undo()
    it.executor.script.lost.clear()
    it.run(1)
    it.is_as_calm()


def test_a_parent_that_does_not_repeat_itself_is_no_beginning(damaged: Callable[..., Damaged]) -> None:
    it = damaged(Script())
    it.executor.script.differs_when_repeated.update(dict.fromkeys(range(1, 7), "step"))
    with pytest.raises(CheckpointError, match="did not repeat itself"):
        it.run(1)
    assert it.one.state == "PAUSED"


def test_a_clone_that_cannot_start_from_its_parent_says_what_it_changed(
    created: Callable[[str], Path], tmp_path: Path
) -> None:
    """As one that would need a weight of another shape."""
    shutil.copytree(created("pbt"), tmp_path / "home")
    run_to_the_end(tmp_path / "home", FakeExecutor(script=Script(fails={7: (1, "checkpoint")})), 2)
    trials = load_experiment(1, tmp_path / "home").describe()["trials"]
    clone, parent = trials[6], trials[trials[6]["parent"]["trial_id"] - 1]
    told = f"failed in step 1\nThe trial is a clone of trial {parent['id']}, with units "
    assert clone["messages"][-1].startswith(f"{told}{parent['hparams']['units']} -> {clone['hparams']['units']}. ")
    assert clone["state"] == "ERROR"


def test_slots_and_the_largest_number_of_trials_are_respected(definition: Path, tmp_path: Path) -> None:
    for number, (resources, workers, expected) in enumerate(
        [({"max_concurrent_trials": 2}, 8, 2), ({"slots_per_trial": 3}, 8, 2), ({"slots_per_trial": 9}, 8, 1)]
    ):
        executor = FakeExecutor()
        settings = config("asha", resources=resources)
        create_experiment(settings, definition, tmp_path / str(number), 7, executor).run(workers)
        assert executor.running_at_most == expected


def test_how_long_workers_waited_for_a_decision_is_added_up_and_told(
    created: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = iter(range(10**6))
    monkeypatch.setattr("time.monotonic", lambda: float(next(seconds)))
    waited = []
    for workers in (1, 8):
        home = tmp_path / str(workers)
        shutil.copytree(created("pbt"), home)
        load_experiment(1, home, FakeExecutor()).run(workers)
        waited.append(load_experiment(1, home).describe()["waited_s"])
        (completed,) = [event for event in Home(home).events(1) if event.kind == "completed"]
        assert completed.payload.get("waited_s", 0.0) == waited[-1]
    assert waited[0] == 0.0 and waited[1] > 0 and math.isfinite(waited[1])


def test_who_is_free_because_of_a_pause_waits_for_no_decision(
    created: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[int] = []
    watching = Stalls.watching

    def watched(stalls: Stalls, idle: int, waiting: int) -> Any:
        free.append(idle)
        return watching(stalls, idle, waiting)

    def pause(now: Experiment) -> None:
        if free and not asked:
            asked.append((now.home.request(now.id, "pause", {}), len(free)))

    monkeypatch.setattr(Stalls, "watching", watched)
    shutil.copytree(created("pbt"), tmp_path / "home")
    asked: list[Any] = []
    one = load_experiment(1, tmp_path / "home", FakeExecutor())
    one.run(8, on_change=pause)
    assert one.state == "PAUSED"
    assert len(free) > asked[0][1] + 2 and set(free[asked[0][1] + 1 :]) == {0}
