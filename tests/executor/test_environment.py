"""Training processes get the command's environment, less what decides bits."""

import json
import os
import subprocess
import sys

import pytest

from pedl.executor.environment import training_environment
from pedl.variables import FIXED, NOT_INHERITED, PEDL_SETS


def test_the_commands_environment_is_inherited_and_the_configuration_adds_to_it():
    environment = training_environment({"HOME": "/home/a", "A": "1"}, False, "none", {"A": "2", "B": "3"})
    assert environment == {**FIXED, "HOME": "/home/a", "A": "2", "B": "3", "TF_ENABLE_ONEDNN_OPTS": "0"}


@pytest.mark.parametrize("name", [*PEDL_SETS, *NOT_INHERITED])
def test_a_variable_that_decides_bits_is_never_inherited(name):
    without = training_environment({}, True, "none", {})
    assert training_environment({name: "odd"}, True, "none", {}) == without


@pytest.mark.parametrize("name", NOT_INHERITED)
def test_a_variable_that_pedl_does_not_set_is_taken_from_the_configuration(name):
    assert training_environment({name: "shell"}, True, "none", {name: "recorded"})[name] == "recorded"


def test_onednn_is_always_said_and_a_cap_only_where_there_is_one():
    uncapped = training_environment({"ONEDNN_MAX_CPU_ISA": "AVX"}, True, "none", {})
    assert uncapped["TF_ENABLE_ONEDNN_OPTS"] == "1"
    assert "ONEDNN_MAX_CPU_ISA" not in uncapped
    assert training_environment({}, False, "AVX2", {})["ONEDNN_MAX_CPU_ISA"] == "AVX2"


def test_every_fixed_variable_has_its_reason_listed():
    assert FIXED.keys() <= PEDL_SETS.keys()
    assert not PEDL_SETS.keys() & NOT_INHERITED.keys()


PRODUCT = """
import hashlib, json, numpy
random = numpy.random.RandomState(0)
left, right = random.randn(700, 900).astype("f4"), random.randn(900, 800).astype("f4")
print(json.dumps(hashlib.sha256((left @ right).tobytes()).hexdigest()))
"""


def test_products_of_numpy_do_not_depend_on_the_shells_threads():
    def product(threads):
        environment = training_environment({**os.environ, "OPENBLAS_NUM_THREADS": threads}, True, "none", {})
        return json.loads(subprocess.check_output([sys.executable, "-c", PRODUCT], env=environment))

    assert product("1") == product("2")
