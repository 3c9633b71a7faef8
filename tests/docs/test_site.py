"""The pages are a site: every page is in it, every link leads somewhere, and reading it asks nothing of the network."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pedl
import pedl.experiment
import pedl.testing
import pedl.trial
from tests.docs.pages import ROOT

pytest.importorskip("mkdocs", reason="MkDocs comes with the extra `docs`")

LOADED = re.compile(r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"([^\"]*)\"|<link\b[^>]*\bhref=\"([^\"]*)\"")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built in strict mode."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_in_the_site_and_in_its_menu(site: Path) -> None:
    menu = (site / "index.html").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        html = page.with_suffix(".html").name
        assert (site / html).exists()
        assert html == "index.html" or f'href="{html}"' in menu, f"{page.name} is not in the nav of mkdocs.yml"


def test_reading_a_page_loads_nothing_from_another_host(site: Path) -> None:
    loaded = [address for page in site.glob("*.html") for pair in LOADED.findall(page.read_text()) for address in pair]
    assert [it for it in loaded if it.endswith("theme.css")], "the pattern finds nothing"
    assert [it for it in loaded if "//" in it] == []
    styles = [path.read_text() for path in site.rglob("*.css")]
    assert not any(re.search(r"@import|url\(['\"]?(https?:)?//", style) for style in styles)


def test_a_link_out_of_the_pages_becomes_the_name_of_its_file(site: Path) -> None:
    from docs.site_links import on_page_markdown

    told = on_page_markdown("[the house](../CONTRIBUTING.md#the-house), [examples/a.py](../examples/a.py), [b](b.md)")
    assert told == "the house (`CONTRIBUTING.md`), `examples/a.py`, [b](b.md)"
    assert not any(re.search(r'href="\.\./', page.read_text()) for page in site.glob("*.html"))
    assert not list(site.rglob("*.py*"))


def test_the_classes_have_the_docstrings_of_the_sources(site: Path) -> None:
    page = (site / "api.html").read_text()
    for name in ("pedl.trial.keras_trial.KerasTrial", "pedl.experiment.create_experiment", "pedl.errors.ConfigError"):
        assert f'id="{name}"' in page, name
    for name in (name for name in dir(pedl.experiment.Experiment) if not name.startswith("_")):
        assert f'id="pedl.experiment.Experiment.{name}"' in page, name


def test_every_public_name_is_on_the_page_of_the_classes() -> None:
    shown = {line.rpartition(".")[2] for line in (ROOT / "docs" / "api.md").read_text().splitlines() if "::: " in line}
    public = {*pedl.__all__, *pedl.trial.__all__, *pedl.testing.__all__, *pedl.experiment.__all__}
    assert public - shown == set()
