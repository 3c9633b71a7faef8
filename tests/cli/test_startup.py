"""Asking for help is quick: commands import what they need when they run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pedl.cli

ROOT = Path(__file__).parents[2]
HEAVY = ("keras", "numpy", "pydantic", "rich", "ruamel", "sqlite3", "tensorflow")


def run(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [["--help"], ["experiment", "--help"], ["experiment", "create", "--help"]])
def test_help_loads_no_heavy_package(arguments):
    shown = run("-X", "importtime", "-m", "pedl", *arguments).stderr
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in shown.splitlines()}
    assert "click" in loaded
    assert not loaded & set(HEAVY)


def test_the_modules_that_load_more_are_those_that_the_package_names():
    named = re.findall(r"`(\w+)`", pedl.cli.__doc__)
    files = (ROOT / "pedl" / "cli").glob("*.py")
    load = r"^(from|import) (rich|pydantic|pedl\.(config|experiment|report|store|verify))\b"
    assert named == sorted(it.stem for it in files if re.search(load, it.read_text(), re.MULTILINE))
