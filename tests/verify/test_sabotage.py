"""Sabotage is named: what it is, and the first batch that it moved, for the Keras and the graph class.

By default each sabotage is tried on one of the classes; the long run tries all on both. Each experiment is trained for
real by one warm server, whose workers are told by a file what is wrong with the world.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pedl.executor import LocalExecutor
from pedl.experiment import Experiment, create_experiment, load_experiment
from pedl.experiment.alarm import words
from pedl.trial.order import epoch_order
from pedl.verify import Difference, Verification, verify_experiment
from tests.promises.shared_executor import SharedExecutor
from tests.verify.test_verifying import rewrite

ROOT = Path(__file__).parents[2]
WORKLOADS, DEFINITIONS = ROOT / "tests" / "workloads", ROOT / "tests" / "verify" / "definitions"
CONFIG: dict[str, Any] = {
    "hyperparameters": {},
    "searcher": {"name": "single", "metric": "loss", "max_steps": 4},
    "batches_per_step": 5,
    "reproducibility": {"experiment_seed": 42, "fingerprint": "batch", "onednn": False},
}
KINDS = ("keras", "graph")
ENTRYPOINTS = {"keras": "mlp:MlpTrial", "graph": "graph:GraphTrial"}
SAMPLES, BATCH = 100, 16


class World:
    """One warm server, and what is wrong for its workers."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "sabotage.json"
        self.executor = SharedExecutor(self._make)
        self.is_sabotaged("nothing")

    def _make(self, environment: dict[str, str], log_path: Any) -> LocalExecutor:
        environment = {**environment, "SABOTAGE": str(self._file), "PYTHONPATH": str(ROOT)}
        return LocalExecutor(environment, log_path, worker="tests.verify.sabotaged_worker")

    def is_sabotaged(self, name: str, **arguments: Any) -> None:
        self._file.write_text(json.dumps({"name": name, **arguments}))

    def trained(self, home: Path, entrypoint: str, definition: Path = WORKLOADS, **changes: Any) -> Experiment:
        self.is_sabotaged("nothing")
        config = {**CONFIG, "entrypoint": entrypoint, **changes}
        experiment = create_experiment(config, definition, home, make_executor=self.executor)
        experiment.run(workers=1)
        return experiment


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("world"))
    yield made
    made.executor.close_for_good()


@pytest.fixture(scope="module")
def originals(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    homes = {kind: tmp_path_factory.mktemp(kind) / "home" for kind in KINDS}
    for kind, home in homes.items():
        assert world.trained(home, ENTRYPOINTS[kind]).state == "COMPLETED"
    return homes


@pytest.fixture
def original(request: pytest.FixtureRequest, world: World, originals: dict[str, Path], tmp_path: Path) -> Experiment:
    """A copy of the experiment of a kind, trained when all was well."""
    shutil.copytree(originals[request.param], tmp_path / "home")
    world.is_sabotaged("nothing")
    return load_experiment(1, tmp_path / "home", world.executor)


def tried_on(*kinds: str) -> pytest.MarkDecorator:
    """Gives a test an experiment of each kind: of `kinds` in `.ci/run`, where a plain `pytest` takes Keras alone,
    and of the others in the long run.
    """
    marks = {kind: ([] if kind == "keras" else [pytest.mark.long]) for kind in kinds}
    params = [pytest.param(kind, marks=marks.get(kind, [pytest.mark.soak])) for kind in KINDS]
    return pytest.mark.parametrize("original", params, indirect=True)


def differing(found: Verification) -> Difference:
    assert not found.identical
    difference = found.trials[0].difference
    assert difference is not None
    assert difference.step == 0 or not difference.batch or difference.step == -(-difference.batch // 5)
    return difference


def is_graph(experiment: Experiment) -> bool:
    return "graph" in str(experiment.config.to_dict()["entrypoint"])


def batch_of(experiment: Experiment, sample: int) -> int:
    """The batch, from 1, of the first epoch that a sample is trained in."""
    order = epoch_order(experiment.describe()["trials"][0]["trial_seed"], 0, SAMPLES)
    return int(list(order).index(sample)) // BATCH + 1


@tried_on("keras", "graph")
def test_all_is_well(original: Experiment) -> None:
    assert verify_experiment(original).identical


@tried_on("keras")
@pytest.mark.parametrize("sample", [37])
def test_one_pixel_is_named_with_the_batch_that_holds_it(world: World, original: Experiment, sample: int) -> None:
    world.is_sabotaged("pixel", sample=sample)
    difference = differing(verify_experiment(original))
    assert (difference.cause, difference.batch) == ("data", batch_of(original, sample))


@tried_on("graph")
def test_two_samples_that_changed_places_are_a_matter_of_order(world: World, original: Experiment) -> None:
    batches = {sample: batch_of(original, sample) for sample in range(SAMPLES)}
    pairs = {
        "one batch": (3, next(other for other in range(4, SAMPLES) if batches[other] == batches[3])),
        "one step": next((a, b) for a in batches for b in batches if (batches[a], batches[b]) == (2, 4)),
        "two steps": next((a, b) for a in batches for b in batches if (batches[a], batches[b]) == (4, 7)),
    }
    told = {
        "one batch": "The batch holds the same samples in another order",
        "one step": "This batch and the 2 after it together hold the same samples in another order",
        "two steps": "This batch and the 3 after it together hold the same samples in another order",
    }
    for where, (one, other) in pairs.items():
        world.is_sabotaged("swap", one=one, other=other)
        difference = differing(verify_experiment(original))
        assert (difference.cause, difference.batch) == ("order", min(batches[one], batches[other])), where
        assert told[where] in difference.message


@tried_on("keras")
def test_one_ulp_in_one_tensor_is_an_operation_with_exact_tensors_and_a_distance(
    world: World, original: Experiment
) -> None:
    tensor = "out/kernel/Adam" if is_graph(original) else "adam/sequential_out_kernel_momentum"
    world.is_sabotaged("ulp", tensor=tensor, batch=13)
    difference = differing(verify_experiment(original))
    assert (difference.cause, difference.batch, difference.what) == ("operation", 13, "states, batch 3 of the step")
    assert tensor in difference.tensors and difference.tensors_exact
    # A slot may move its weights at once; then two updates gave something else, and no operation is the first.
    assert difference.operation == (f"the update of {tensor}" if difference.tensors == (tensor,) else None)
    # Seven batches later it may have gone: the momentum is multiplied by 0.9 each time.
    gone = "At the original's next checkpoint nothing differs any more" in difference.message
    assert gone == (difference.ulps == 0)
    assert "Run once more, it gave the repetition's result again" in difference.message


@tried_on("graph")
def test_the_distance_is_that_from_the_originals_next_checkpoint(world: World, original: Experiment) -> None:
    world.is_sabotaged("ulp", tensor="out/kernel" if is_graph(original) else "sequential/out/kernel", batch=18)
    difference = differing(verify_experiment(original))
    assert (difference.cause, difference.batch) == ("operation", 18)
    assert difference.ulps is not None and difference.ulps >= 1
    assert f"{difference.ulps:,} ulps, in {difference.ulps_tensor}" in difference.message


@tried_on("graph")
def test_an_ulp_that_came_once_is_told_from_one_that_comes_always(world: World, original: Experiment) -> None:
    tensor = "out/kernel" if is_graph(original) else "sequential/out/kernel"
    world.is_sabotaged("ulp", tensor=tensor, batch=7)

    def then_all_is_well(_: Any) -> None:
        world.is_sabotaged("nothing")

    difference = differing(verify_experiment(original, on_change=then_all_is_well))
    assert (difference.cause, difference.batch) == ("operation", 7)
    assert "Run once more, it gave what was recorded" in difference.message


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param("ConvolvingTrial", marks=pytest.mark.soak),
        pytest.param("ConvolvingGraphTrial", marks=pytest.mark.long),
    ],
)
def test_another_pool_size_is_told_before_anything_is_run_and_is_the_cause(
    world: World, tmp_path: Path, kind: str
) -> None:
    original = world.trained(tmp_path, f"convolving:{kind}", DEFINITIONS)
    rewrite(original.home, "created", lambda it: it["config"]["reproducibility"]["threads"].update(intra_op=2))
    told: list[Any] = []
    found = verify_experiment(original, on_change=told.append)
    difference = differing(found)
    assert (difference.cause, difference.batch) == ("pools", 1)
    assert "intra_op: recorded 4, found 2" in difference.message
    assert (told[0].entry, told[0].recorded, told[0].found, told[0].cause) == ("intra_op", 4, 2, "pools")


@tried_on("graph")
def test_a_changed_line_of_code_is_named_by_its_file(world: World, original: Experiment) -> None:
    file = original.home.paths(1).model_definition / ("graph.py" if is_graph(original) else "mlp.py")
    file.write_text(file.read_text().replace("0.01", "0.011"))
    found = verify_experiment(original)
    difference = differing(found)
    # Keras keeps the learning rate in a variable, which differs before the first batch.
    assert (difference.cause, difference.batch) == ("code", 1 if is_graph(original) else 0)
    assert found.code_change is not None and f"{file.name} was changed" in found.code_change
    assert f"{file.name} was changed" in difference.message


@pytest.mark.parametrize(
    "kind", [pytest.param("keras", marks=pytest.mark.soak), pytest.param("graph", marks=pytest.mark.long)]
)
def test_a_random_state_that_a_resume_lost_is_named_with_the_resume(world: World, tmp_path: Path, kind: str) -> None:
    world.is_sabotaged("forget_random_state", pause_s=1.0)
    changes = {"entrypoint": ENTRYPOINTS[kind], "searcher": {**CONFIG["searcher"], "max_steps": 8}}
    original = create_experiment({**CONFIG, **changes}, WORKLOADS, tmp_path, make_executor=world.executor)
    asked: list[bool] = []

    def pause_once(running: Experiment) -> None:
        if not asked and running.describe()["trials"][0]["steps_completed"]:
            asked.append(original.home.request(1, "pause", {}))

    original.run(workers=1, on_change=pause_once)
    assert original.state == "PAUSED"
    resumed_at = original.describe()["trials"][0]["batches_completed"]
    original.run(workers=1)
    assert original.state == "COMPLETED" and 0 < resumed_at < 40

    world.is_sabotaged("nothing")
    difference = differing(verify_experiment(original))
    assert (difference.cause, difference.batch) == ("resume", resumed_at + 1)
    assert "a part of its state was not restored" in difference.message
    if kind == "keras":
        assert "seed_generator/seed_generator_state" in difference.tensors


@tried_on("graph")
def test_another_library_version_is_the_cause_where_bits_differ_and_told_where_they_do_not(
    world: World, original: Experiment
) -> None:
    rewrite(original.home, "started", lambda it: it["numeric_profile"].update(tensorflow="2.20.0"))
    found = verify_experiment(original)
    assert found.identical
    assert [(it.entry, it.cause) for it in found.profile_differences] == [("tensorflow", "versions")]

    world.is_sabotaged("ulp", tensor="out/kernel" if is_graph(original) else "sequential/out/kernel", batch=9)
    difference = differing(verify_experiment(original))
    assert (difference.cause, difference.batch) == ("versions", 9)
    assert "tensorflow: recorded 2.20.0, found " in difference.message


@tried_on("graph")
def test_the_first_batch_is_that_of_the_words(world: World, original: Experiment) -> None:
    """The twin: what the tests above call exact is the first word that differs, read without the code that says so."""
    world.is_sabotaged("ulp", tensor="out/kernel" if is_graph(original) else "sequential/out/kernel", batch=12)
    seen: list[dict[str, Any]] = []
    poll = world.executor.poll

    def watching(timeout_s: float | None) -> Any:
        arrived = poll(timeout_s)
        seen.extend(message for _, message in arrived if message["type"] == "step")
        return arrived

    world.executor.poll = watching  # type: ignore[method-assign]
    try:
        difference = differing(verify_experiment(original))
    finally:
        del world.executor.poll
    recorded = [word for it in original.home.events(1) if it.kind == "step" for word in words(it.payload["states"])]
    repeated = [word for step in seen[:3] for word in words(step["states"])]
    assert difference.batch == 12
    assert next(at for at, (a, b) in enumerate(zip(recorded, repeated, strict=False), 1) if a != b) == 12
