"""The public names of pedl resolve, are documented, and cost nothing until they are used."""

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
MODULES = ("pedl", "pedl.trial")
NAMES = [(module, name) for module in MODULES for name in importlib.import_module(module).__all__]
HEAVY = {"keras", "numpy", "pydantic", "rich", "sqlite3", "tensorflow"}


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_resolves_and_has_a_docstring(module, name):
    assert inspect.getdoc(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(("module", "name"), NAMES)
def test_a_public_name_is_in_the_pages(module, name):
    assert any(f"{name}" in page.read_text() for page in DOCS.glob("*.md"))


@pytest.mark.parametrize("module", MODULES)
def test_the_public_names_are_sorted_and_are_what_dir_shows(module):
    loaded = importlib.import_module(module)
    assert loaded.__all__ == sorted(loaded.__all__) == dir(loaded)
    assert set(loaded.__all__) == set(loaded._HOMES)


@pytest.mark.parametrize("module", MODULES)
def test_a_name_that_does_not_exist_is_refused_with_those_that_do(module):
    with pytest.raises(AttributeError, match=r"has no attribute 'get_trail_seed'; it has: .*get_trial_seed"):
        importlib.import_module(module).get_trail_seed  # noqa: B018


@pytest.mark.parametrize("module", MODULES)
def test_importing_loads_no_heavy_package(module):
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "pedl" in loaded
    assert not HEAVY & set(loaded)


def test_a_helper_outside_a_trial_says_so():
    import pedl
    from pedl.errors import NoTrialContext

    for name in ("get_experiment_config", "get_experiment_id", "get_hyperparameters", "get_trial_id", "get_trial_seed"):
        with pytest.raises(NoTrialContext, match=rf"{name}\(\) was called, but no trial runs in this process"):
            getattr(pedl, name)()
