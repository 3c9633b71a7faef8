"""The way of someone who has read the README and nothing else: each command comes from it, or from what pedl said."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.promises.commands import ROOT, environment


@dataclass
class Person:
    """Someone in a clone of the repository, at a terminal."""

    directory: Path

    def types(self, line: str, code: int = 0) -> str:
        """Runs a line that begins with `pedl`; returns all that it wrote, errors first."""
        done = subprocess.run(_words(line), env=environment(), cwd=self.directory, capture_output=True, text=True)
        assert done.returncode == code, done.stderr
        return done.stderr + done.stdout

    def presses_ctrl_c(self, line: str, at: str) -> str:
        """Runs a line, presses Ctrl-C when it has written `at`, and returns what it wrote then."""
        process = subprocess.Popen(
            _words(line), env=environment(), cwd=self.directory, stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        assert any(at in written for written in process.stderr)
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait() == 130
        return told

    def edits(self, file: str, before: str, after: str) -> None:
        text = (self.directory / file).read_text()
        assert before in text
        (self.directory / file).write_text(text.replace(before, after))


def _words(line: str) -> list[str]:
    words = shlex.split(line)
    assert words[0] == "pedl"
    return [sys.executable, "-m", *words]


@pytest.fixture(scope="module")
def person(tmp_path_factory: pytest.TempPathFactory) -> Person:
    clone = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "examples", clone / "examples")
    return Person(clone)


def readme_says(pattern: str) -> str:
    found = re.search(pattern, (ROOT / "README.md").read_text())
    assert found, f"the README has no {pattern}"
    return found[0]


@pytest.mark.long
def test_from_the_readme_to_an_exported_model(person: Person) -> None:
    # Run the example.
    create = readme_says(r"pedl experiment create examples/mnist/random\.yaml examples/mnist")
    told = person.types(create)
    best = re.search(r"Best trial: (1/\d), accuracy (0\.9\d*)", told)
    assert best
    assert json.loads(person.types(f"pedl trial describe {best[1]} --json"))["state"] == "COMPLETED"

    # Change a hyperparameter, with a slip of the finger in the first attempt.
    shutil.copy(person.directory / "examples/mnist/random.yaml", person.directory / "mine.yaml")
    for before, after in (
        ("max_steps: 8", "max_steps: 4"),
        ("vals: [8, 16]", "vals: [4, 8]"),
        ("max_trials: 6", "max_trails: 2"),
    ):
        person.edits("mine.yaml", before, after)
    told = person.types("pedl experiment create mine.yaml examples/mnist", code=2)
    assert re.search(r"mine\.yaml:\d+: searcher\.max_trails: .*did you mean `max_trials`", told)
    person.edits("mine.yaml", "max_trails: 2", "max_trials: 2")

    # Break the code.
    person.edits("examples/mnist/keras_trial.py", "    def loss(self)", "    def lost(self)")
    told = person.types("pedl experiment create mine.yaml examples/mnist", code=2)
    assert re.search(r"MNistTrial lacks 1 method.*def loss\(self\)", told, re.DOTALL)
    person.edits("examples/mnist/keras_trial.py", "    def lost(self)", "    def loss(self)")
    assert [it["id"] for it in json.loads(person.types("pedl experiment list --json"))] == [1]

    # Ctrl-C, and go on with the command that it names.
    told = person.presses_ctrl_c("pedl experiment create mine.yaml examples/mnist", at="step 1/4")
    go_on = re.search(r"pedl experiment activate 2", told)
    assert go_on
    person.types(go_on[0])

    # Prove it.
    verify = readme_says(r"pedl experiment verify 1").replace("1", "2")
    assert "Experiment 2: identical" in person.types(verify)

    # Look at it, and take the model away.
    person.types("pedl report 2 --output report.html")
    page = (person.directory / "report.html").read_text()
    assert "MNIST, random search" in page
    assert re.search(r"Verified:\W*(<[^>]*>)?\s*identical", page)
    best_trial = json.loads(person.types("pedl experiment describe 2 --json"))["best_trial"]
    person.types(f"pedl trial export 2/{best_trial} --format keras --output model")
    (saved,) = (person.directory / "model").glob("*.keras")
    plain = f"import keras; print(keras.models.load_model({str(saved)!r}).count_params())"
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-I", "-c", plain], env=variables, capture_output=True, text=True)
    assert done.returncode == 0 and int(done.stdout.split()[-1]) > 0, done.stderr
