"""The import rules hold, and would be seen to be broken."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytest.importorskip("importlinter", reason="import-linter comes with the extra `dev`")


def lint_imports(folder):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@pytest.fixture
def copy_of_the_house(tmp_path):
    shutil.copytree(ROOT / "pedl", tmp_path / "pedl", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_arrows_between_the_rooms_are_kept(copy_of_the_house):
    result = lint_imports(copy_of_the_house)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("file", "line", "rule"),
    [
        ("search/__init__.py", "import time", "function of its arguments"),
        ("search/__init__.py", "import random", "function of its arguments"),
        ("executor/__init__.py", "import pedl.config", "Executor and store know no"),
        ("store/__init__.py", "import pedl.experiment", "Arrows point one way"),
        ("trial/__init__.py", "import pedl.store", "A trial knows nothing"),
        ("experiment/__init__.py", "import keras", "Only trials load TensorFlow"),
        ("verify/__init__.py", "import keras", "Only trials load TensorFlow"),
        ("cli/__init__.py", "def late():\n    import pedl.trial", "Only trials load TensorFlow"),
    ],
)
def test_an_import_against_the_arrows_is_found(copy_of_the_house, file, line, rule):
    module = copy_of_the_house / "pedl" / file
    module.write_text(f"{module.read_text()}\n{line}\n")
    result = lint_imports(copy_of_the_house)
    assert result.returncode == 1
    assert re.search(rule + r"((?!KEPT).)*?BROKEN", result.stdout, re.DOTALL), result.stdout


def test_only_the_imports_that_the_house_names_reach_another_room_by_name():
    found = set()
    for file in sorted((ROOT / "pedl").rglob("*.py")):
        place = file.relative_to(ROOT).as_posix()
        for room in re.findall(r"import_module\(\"pedl\.(\w+)", file.read_text()):
            if not place.startswith(f"pedl/{room}"):
                found.add((place, room))
    assert found == {
        ("pedl/experiment/experiment.py", "verify"),
        ("pedl/experiment/experiment.py", "report"),
        ("pedl/experiment/trial_result.py", "trial"),
    }
