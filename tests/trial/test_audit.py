"""The audit names what depends on order, and changes no bit."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl.trial.audit import Audit, Finding
from pedl.trial.factory import SeedFactory
from pedl.trial.generators import borrowed, seed_everything

DEFINITION = """
import random
import numpy as np
import keras
import tensorflow as tf
from numpy.random import normal

class Own(keras.layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(4,), initializer=lambda shape, dtype=None: np.random.normal(size=shape))
    def call(self, x):
        return x * self.w

class Noisy(keras.layers.Layer):
    def call(self, x):
        return x + keras.random.normal((4,))

def plain(seeded):
    x = inputs = keras.Input((4,))
    x = keras.layers.Dense(4, name="first")(x)  # line 20
    x = keras.layers.Dropout(0.5, name="drop")(x)  # line 21
    x = keras.layers.LayerNormalization(name="norm")(x)
    return keras.Model(inputs, Own(name="own")(x))  # line 23

def factory(seeded):
    x = inputs = keras.Input((3, 4))
    he = keras.initializers.HeNormal()
    x = seeded.layers.MultiHeadAttention(2, 4, dropout=0.5, kernel_initializer=he, name="a")(x, x)
    x = seeded.layers.Bidirectional(keras.layers.LSTM(4, dropout=0.5), name="b")(x)
    x = seeded.layers.Dense(4, kernel_initializer=keras.initializers.HeNormal(), name="d")(x)
    return keras.Model(inputs, seeded(Own, name="own")(x))

def seeds(seeded):
    random.seed(1)  # line 34
    np.random.seed(1)
    tf.random.set_seed(1)
    keras.utils.set_random_seed(1)  # line 37
    return factory(seeded)

def draws(seeded):
    random.shuffle([1, 2, 3])  # line 41
    np.random.permutation(3)
    return factory(seeded)

def unseen(seeded):
    normal()
    return factory(seeded)

def augmented(seeded):
    x = inputs = keras.Input((8, 8, 3))
    return keras.Model(inputs, seeded.layers.AugMix(name="mix")(x))

def noisy(seeded):
    x = inputs = keras.Input((4,))
    return keras.Model(inputs, seeded(Noisy, name="noisy")(x))

def shared(seeded):
    x = inputs = keras.Input((4,))
    he = keras.initializers.HeNormal(seed=1)
    for name in "ab":
        x = keras.layers.Dense(4, kernel_initializer=he, name=name)(x)
        x = keras.layers.Dropout(0.5, seed=3, name=f"drop_{name}")(x)
    return keras.Model(inputs, x)
"""


def load(directory: Path) -> dict[str, Any]:
    path = directory / "model_def.py"
    path.write_text(DEFINITION)
    module: dict[str, Any] = {"__name__": "model_def"}
    exec(compile(DEFINITION, str(path), "exec"), module)
    return module


def audited(directory: Path, function: str, trace: bool = True) -> list[Finding]:
    module = load(directory)
    with Audit() as audit:
        model = module[function](SeedFactory(5))
        if trace:
            with borrowed(1):
                tf.function(lambda x: model(x, training=True))(np.ones((2, *model.input.shape[1:]), "float32"))
    findings = audit.findings(model)
    assert json.loads(json.dumps(findings)) == findings
    return findings


def kinds(findings: list[Finding]) -> list[tuple[str, str]]:
    return [(it["kind"], it["where"]) for it in findings]


def test_plain_layers_are_listed_with_their_line_and_what_to_write_instead(tmp_path: Path) -> None:
    findings = audited(tmp_path, "plain")
    assert kinds(findings) == [("running_stream", f"model_def.py:{line}") for line in (20, 21, 10)]
    assert 'self.seeded.layers.Dense(..., name="...")' in findings[0]["message"]
    assert "Dense 'first'" in findings[0]["message"]
    assert 'self.seeded(Own, ..., name="...")' in findings[2]["message"] and "(np.random)" in findings[2]["message"]


def test_what_the_factory_makes_is_silent(tmp_path: Path) -> None:
    assert audited(tmp_path, "factory") == []


def test_layers_made_before_the_audit_are_found_by_the_walk(tmp_path: Path) -> None:
    module = load(tmp_path)
    model = module["plain"](SeedFactory(5))
    with Audit() as audit:
        pass
    assert kinds(audit.findings(model)) == [("running_stream", "layer 'first'"), ("running_stream", "layer 'drop'")]


def test_global_seeds_of_the_users_are_named(tmp_path: Path) -> None:
    findings = audited(tmp_path, "seeds")
    assert kinds(findings) == [("global_seed", f"model_def.py:{line}") for line in (34, 35, 36, 37)]
    assert "np.random.seed(): pedl has seeded everything" in findings[1]["message"]


def test_draws_of_the_users_are_named(tmp_path: Path) -> None:
    findings = audited(tmp_path, "draws")
    assert kinds(findings) == [("draw", "model_def.py:41"), ("draw", "model_def.py:42")]


def test_a_draw_through_a_name_taken_before_is_noticed_by_the_state(tmp_path: Path) -> None:
    findings = audited(tmp_path, "unseen")
    assert kinds(findings) == [("draw", "")]
    assert "np.random" in findings[0]["message"]


def test_layers_that_draw_in_call_are_named_though_the_factory_made_them(tmp_path: Path) -> None:
    (mix,) = audited(tmp_path, "augmented")
    assert mix["kind"] == "draws_in_call" and "AugMix 'mix' draws from random" in mix["message"]
    noisy = audited(tmp_path, "noisy")
    assert [it["kind"] for it in noisy] == ["draws_in_call"]
    assert noisy[0]["where"] == "model_def.py:16" and "keras.random" in noisy[0]["message"]


def test_layers_that_share_an_integer_seed_are_named(tmp_path: Path) -> None:
    findings = audited(tmp_path, "shared")
    assert kinds(findings) == [("shared_stream", "layer 'drop_b'"), ("shared_stream", "layer 'b/kernel'")] or kinds(
        findings
    ) == [("shared_stream", "layer 'b/kernel'"), ("shared_stream", "layer 'drop_b'")]


def test_an_import_may_be_watched_with_the_seeding_before_it(tmp_path: Path) -> None:
    text = "import numpy as np\nfrom numpy.random import normal\nnp.random.seed(1)\nx = normal()"
    for lines, expected in ((4, [("global_seed", "early.py:3"), ("draw", "early.py:4")]), (2, [])):
        with Audit() as audit:
            seed_everything(3)
            source = "\n".join(text.split("\n")[:lines])
            exec(compile(source, str(tmp_path / "early.py"), "exec"), {"__name__": "early"})
        assert kinds(audit.findings(keras.Sequential())) == expected


def test_items_of_a_dataset_may_draw_on_their_own_ground(tmp_path: Path) -> None:
    module = load(tmp_path)
    with Audit() as audit:
        model = module["factory"](SeedFactory(5))
        with borrowed(3):
            random.random(), np.random.normal()
    assert audit.findings(model) == []


def test_the_audit_changes_no_bit(tmp_path: Path) -> None:
    module = load(tmp_path)

    def outcome() -> list[Any]:
        for name in ("plain", "draws", "noisy", "factory"):
            model = module[name](SeedFactory(5))
            output = model(np.ones((2, *model.input.shape[1:]), "float32"), training=True)
            values.append([it.numpy().tobytes() for it in (*model.variables, output)])
        values.append([random.random(), random.gauss(0, 1), random.sample(range(99), 9), np.random.normal()])
        values.append([float(np.random.rand()), np.random.permutation(9).tolist(), random.randbytes(3)])
        return values

    values: list[Any] = []
    keras.utils.clear_session()  # Keras 3.12 seeds its own generator once in a process
    seed_everything(7)
    plain = outcome()
    values = []
    keras.utils.clear_session()
    seed_everything(7)
    with Audit() as audit:
        watched = outcome()
    assert watched == plain
    assert audit is not None


def test_everything_is_put_back() -> None:
    python = random.random.__self__  # type: ignore[attr-defined]
    owners = (random, np.random, keras.utils, tf.random, python)
    before = [dict(vars(it)) for it in owners]
    following = keras.random.SeedGenerator.next
    with Audit():
        assert vars(np.random)["normal"] is not before[1]["normal"]
    assert [dict(vars(it)) for it in owners] == before
    assert keras.random.SeedGenerator.next is following
