"""The list of what is refused names tests, and cases of them, that pytest would run; all cases of a graph are in it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "trials.md").read_text()
LIST = PAGE[PAGE.index("## What is refused") :]
TESTS = dict(re.findall(r"^\| ([A-Z]) \| `(tests/[\w/]+\.py::test_\w+)` \|$", LIST, re.MULTILINE))
CASES = re.findall(r"`([A-Z])(\[[^`]+\])?`", LIST)


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """The ids of the tests that pytest finds in the files that are named."""
    files = sorted({test.partition("::")[0] for test in TESTS.values()})
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    return set(done.stdout.splitlines())


def test_every_case_that_the_list_names_would_be_run(collected: set[str]) -> None:
    named = {TESTS[letter] + case for letter, case in CASES}
    assert named - collected == set()
    assert {letter for letter, _ in CASES} == set(TESTS)


def test_every_row_names_a_case() -> None:
    rows = re.findall(r"^\| .* \| .* \| .* \| (.*) \|$", LIST.partition("| refused |")[2], re.MULTILINE)
    headings = re.findall(r"^\| \*\*.*\*\* \|", LIST, re.MULTILINE)
    assert len(rows) - sum(bool(re.search(r"`[A-Z][`[]", row)) for row in rows) == len(headings) > 0


def test_everything_that_is_refused_in_graphs_and_of_callbacks_and_models_is_in_the_list(collected: set[str]) -> None:
    whole = [TESTS[letter] + "[" for letter in "GKC"]
    named = {TESTS[letter] + case for letter, case in CASES}
    assert [it for it in collected for start in whole if it.startswith(start) and it not in named] == []


def test_a_case_that_does_not_exist_would_be_noticed(collected: set[str]) -> None:
    assert f"{TESTS['G']}[no such thing]" not in collected
    assert f"{TESTS['G']}[queue]" in collected
