"""Shared generators are given back; the model definition's own are seeded, followed, saved and restored."""

from __future__ import annotations

import copy
import json
import pickle
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pedl.errors import CheckpointError
from pedl.trial.generators import borrowed, get_global_state, seed_everything, set_global_state
from pedl.trial.tracked import TrackedGenerators

DEFINITION = """
import random, typing
import numpy as np
from numpy.random import default_rng, PCG64
from random import Random

class Mine(random.Random):
    def __init__(self):
        super().__init__()

class Trial:
    def __init__(self):
        self.rngs = [default_rng() for _ in range(2)]
        self.python = Random()
        self.mine = Mine()
        self.state = np.random.RandomState()
        self.philox = np.random.Generator(np.random.Philox())
        self.seeded = default_rng(5)

def draws(trial):
    numpy = [*trial.rngs, trial.state, trial.philox, trial.seeded]
    return [float(r.normal()) for r in numpy] + [trial.python.random(), trial.mine.gauss(0, 1)]

def entropy():
    return np.random.SeedSequence().entropy, int(PCG64().random_raw()), np.random.MT19937().random_raw()

def item():
    return float(default_rng().random()), Random().random()
"""


def load(directory: Path, text: str = DEFINITION, name: str = "model_def") -> dict[str, Any]:
    """Runs a model definition from a file, as an import does."""
    path = directory / f"{name}.py"
    path.write_text(text)
    module: dict[str, Any] = {"__name__": name, "__file__": str(path)}
    exec(compile(text, str(path), "exec"), module)
    return module


@pytest.fixture
def tracked(tmp_path: Path) -> Iterator[TrackedGenerators]:
    with TrackedGenerators(7, tmp_path) as it:
        yield it


def drawn(directory: Path, trial_seed: int = 7, text: str = DEFINITION) -> list[float]:
    with TrackedGenerators(trial_seed, directory):
        module = load(directory, text)
        return list(module["draws"](module["Trial"]()))


def test_borrowed_generators_continue_as_if_nothing_had_happened() -> None:
    seed_everything(3)
    undisturbed = [random.random(), np.random.random(), random.random(), np.random.random()]
    seed_everything(3)
    disturbed = [random.random(), np.random.random()]
    with pytest.raises(KeyError), borrowed(9):
        random.random()
        np.random.normal(size=700)
        raise KeyError
    assert [*disturbed, random.random(), np.random.random()] == undisturbed


def test_the_same_seed_borrows_the_same_draws_also_when_nested() -> None:
    def draws() -> list[float]:
        with borrowed(9):
            first = [random.random(), np.random.random()]
            with borrowed(10):
                inner = [random.random(), np.random.random()]
            return [*first, *inner, random.random(), np.random.random()]

    first = draws()
    random.random()
    assert draws() == first
    assert len(set(first)) == 6


def test_global_state_survives_json_and_another_process() -> None:
    seed_everything(3)
    random.gauss(0, 1), np.random.normal()  # Both keep half a pair for the next call.
    text = json.dumps(get_global_state())
    expected = [random.gauss(0, 1), random.random(), np.random.normal(), np.random.random()]
    code = (
        "import sys, json, random, numpy as np; from pedl.trial.generators import set_global_state as s;"
        "s(json.load(sys.stdin)); print(json.dumps([random.gauss(0, 1), random.random(), np.random.normal(),"
        " np.random.random()]))"
    )
    ran = subprocess.run([sys.executable, "-c", code], input=text, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout) == expected


def test_a_global_state_of_another_generator_is_refused() -> None:
    state = get_global_state()
    state["np.random"]["bit_generator"] = "PCG64"
    with pytest.raises(CheckpointError, match="resume with the versions"):
        set_global_state(state)


def test_seeding_leaves_the_thread_pools_to_be_set() -> None:
    code = (
        "from pedl.trial.generators import seed_everything; seed_everything(5); import tensorflow as tf;"
        "tf.config.threading.set_intra_op_parallelism_threads(3); tf.zeros(1);"
        "print(tf.config.threading.get_intra_op_parallelism_threads())"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "3"


def test_unseeded_generators_repeat_under_a_trial_seed_and_all_differ(tmp_path: Path) -> None:
    first = drawn(tmp_path)
    assert drawn(tmp_path) == first
    assert len(set(first)) == len(first)
    other = drawn(tmp_path, trial_seed=8)
    different = [a != b for a, b in zip(first, other, strict=True)]
    assert different == [True, True, True, True, False, True, True]  # default_rng(5) is the user's own


def test_without_tracking_unseeded_generators_do_not_repeat(tmp_path: Path) -> None:
    module = load(tmp_path)
    assert module["draws"](module["Trial"]())[:4] != module["draws"](module["Trial"]())[:4]


def test_a_generator_created_elsewhere_moves_no_other(tmp_path: Path) -> None:
    text = DEFINITION.replace("class Trial:", "early = [default_rng(), Random()]\n\nclass Trial:")
    assert drawn(tmp_path, text=text) == drawn(tmp_path)


def test_the_place_of_the_model_definition_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    assert drawn(tmp_path / "a") == drawn(tmp_path / "b")


def test_raw_entropy_is_derived_for_the_model_definition_alone(tmp_path: Path) -> None:
    module = load(tmp_path)
    values = []
    for _ in range(2):
        with TrackedGenerators(7, tmp_path):
            values.append((module["entropy"](), np.random.SeedSequence().entropy))
    assert values[0][0] == values[1][0]
    assert values[0][1] != values[1][1]  # This test is no part of the model definition.


def test_library_generators_keep_what_they_ask_for(tracked: TrackedGenerators, tmp_path: Path) -> None:
    module = load(tmp_path, "import tempfile, secrets\ndef names(): return tempfile._RandomNameSequence().rng.random()")
    assert module["names"]() != module["names"]()
    assert tracked.get_state()["generators"] == []


def test_a_helper_package_that_the_definition_calls_is_seeded_too(tmp_path: Path) -> None:
    helper: dict[str, Any] = {"__name__": "helper"}
    exec(compile("import numpy as np\ndef f(): return np.random.default_rng()", "/lib/helper.py", "exec"), helper)
    values = []
    for _ in range(2):
        with TrackedGenerators(7, tmp_path) as tracked:
            module = load(tmp_path, "def g(f): return f()")
            rng = module["g"](helper["f"])
            values.append(rng.random())
            assert [it["name"] for it in tracked.get_state()["generators"]] == ["helper:f#0"]
    assert values[0] == values[1]


def test_types_stay_what_they_were(tracked: TrackedGenerators, tmp_path: Path) -> None:
    module = load(tmp_path)
    trial = module["Trial"]()
    assert isinstance(trial.mine, random.Random) and isinstance(random.random.__self__, random.Random)  # type: ignore[attr-defined]
    assert isinstance(trial.rngs[0], np.random.Generator) and isinstance(trial.state, np.random.RandomState)
    assert isinstance(np.random.mtrand._rand, np.random.RandomState)
    assert not isinstance(trial.state, np.random.Generator)
    assert issubclass(type(np.random.mtrand._rand), np.random.RandomState)
    assert np.random.default_rng(trial.rngs[0]) is trial.rngs[0]


def test_generators_can_be_copied_and_sent_to_another_process(tracked: TrackedGenerators, tmp_path: Path) -> None:
    trial = load(tmp_path)["Trial"]()
    for generator in (*trial.rngs, trial.state, trial.python):
        duplicates = [copy.deepcopy(generator), pickle.loads(pickle.dumps(generator))]
        assert len({float(it.random()) for it in (*duplicates, generator)}) == 1


def test_everything_is_put_back(tmp_path: Path) -> None:
    names = ("default_rng", "Generator", "RandomState")
    before = [random.Random.__init__, *(getattr(np.random, name) for name in names)]
    with TrackedGenerators(7, tmp_path):
        assert np.random.Generator is not before[2]
    assert [random.Random.__init__, *(getattr(np.random, name) for name in names)] == before


def test_state_goes_through_json_into_the_same_definition(tmp_path: Path) -> None:
    with TrackedGenerators(7, tmp_path) as tracked:
        module = load(tmp_path)
        trial = module["Trial"]()
        module["draws"](trial)
        text = json.dumps(tracked.get_state())
        expected = [module["draws"](trial) for _ in range(2)], module["item"]()
    with TrackedGenerators(7, tmp_path) as tracked:
        module = load(tmp_path)
        again = module["Trial"]()
        tracked.set_state(json.loads(text))
        assert ([module["draws"](again) for _ in range(2)], module["item"]()) == expected


def test_a_forgotten_generator_would_be_noticed(tmp_path: Path) -> None:
    """The twin: restoring nothing gives other draws."""
    with TrackedGenerators(7, tmp_path):
        module = load(tmp_path)
        trial = module["Trial"]()
        assert module["draws"](trial) != module["draws"](module["Trial"]())


def test_generators_that_are_gone_are_not_saved(tracked: TrackedGenerators, tmp_path: Path) -> None:
    module = load(tmp_path)
    for _ in range(200):
        module["item"]()
    assert tracked.get_state()["generators"] == []


def test_other_generators_than_saved_are_refused_with_both_sides(tmp_path: Path) -> None:
    with TrackedGenerators(7, tmp_path) as tracked:
        module = load(tmp_path, "from random import Random\na = Random()")
        state = tracked.get_state()
    with TrackedGenerators(7, tmp_path) as tracked:
        module = load(tmp_path, "import numpy as np\na = np.random.default_rng()")
        with pytest.raises(CheckpointError, match=r"(?s)checkpoint: .*random\.Random.*here: .*Generator\(PCG64\)"):
            tracked.set_state(state)
        with pytest.raises(CheckpointError, match="format 9, this pedl reads 1"):
            tracked.set_state({**state, "format": 9})
    del module


def test_an_item_of_a_dataset_makes_the_same_generators_whatever_came_before(
    tracked: TrackedGenerators, tmp_path: Path
) -> None:
    module = load(tmp_path)

    def items(order: list[int]) -> dict[int, Any]:
        found = {}
        for index in order:
            with borrowed(index):
                found[index] = module["item"](), module["item"]()
        return found

    forward = items([1, 2, 3])
    assert items([3, 1, 2]) == forward
    assert len({value for pairs in forward.values() for pair in pairs for value in pair}) == 12
