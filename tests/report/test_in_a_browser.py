"""The page in real Chromium: it is drawn, asks for nothing, can be read by all, and runs nothing that a user named."""

from __future__ import annotations

import json
import os
import re
import struct
from pathlib import Path
from typing import Any

import pytest

from pedl.report import write_report
from pedl.verify.last import last_certificate
from tests.report.conftest import HALVING, Made

SCRIPT = "</script><script>window.pwned = 1</script>"
IMAGE = "<img src=x onerror='window.pwned = 2'>"
QUOTES = '" onmouseover="window.pwned = 3" \''
TEMPLATE = "%{x} $a$ {{ it.id }} <b>bold</b> &amp;"
WIDTHS = (360, 768, 1280)
DRAWN = "html[data-drawn=yes]"
FITTED = """[...document.querySelectorAll('.chart')].every(it => {
  const drawn = it.querySelector('.main-svg').getBoundingClientRect(), place = it.getBoundingClientRect();
  return place.height > 100 && Math.abs(drawn.width - place.width) < 1 && Math.abs(drawn.height - place.height) < 1;
})"""
"""Whether each chart is as large as its place; Plotly draws charts anew some time after the window has changed."""


class Shown:
    """A page in a tab, and what it asked for and complained of."""

    def __init__(self, browser: Any, file: Path, drawn: bool = True) -> None:
        self.tab = browser.new_page(viewport={"width": 1280, "height": 900})
        self.tab.set_default_timeout(120_000)  # ms; a busy machine draws by software, and slowly
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.tab.on("request", lambda it: self.requests.append(it.url))
        self.tab.on("pageerror", lambda it: self.complaints.append(str(it)))
        self.tab.on("console", lambda it: it.type == "error" and self.complaints.append(it.text))
        self.tab.goto(file.as_uri())
        if drawn:
            self.tab.wait_for_selector(DRAWN, state="attached")

    def count(self, selector: str) -> int:
        return int(self.tab.locator(selector).count())

    def text(self) -> str:
        return str(self.tab.inner_text("body"))


def serious(shown: Shown) -> list[str]:
    """Returns what an accessibility checker finds serious or critical."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe comes with the extra `test`").Axe()
    found = axe.run(shown.tab).response["violations"]
    return [f"{it['id']}: {it['nodes'][0]['html']}" for it in found if it["impact"] in ("serious", "critical")]


def picture(shown: Shown, name: str, directory: Path) -> tuple[int, int]:
    """Takes a picture of the whole page, says where it is, and returns its width and height in pixels.

    It is kept in the directory that `PEDL_PICTURES` names, if it is set, for people who want to look.
    """
    shown.tab.wait_for_function(FITTED)
    file = Path(os.environ.get("PEDL_PICTURES", directory)) / f"report-{name}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    content = shown.tab.screenshot(path=file, full_page=True)
    print(file)
    assert content[:16] == b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
    width, height = struct.unpack(">II", content[16:24])
    return width, height


@pytest.mark.long
def test_the_page_is_drawn_at_every_width_in_light_and_dark_and_asks_for_nothing(
    browser: Any, made: Made, tmp_path: Path
) -> None:
    experiment = made(searcher=HALVING)
    assert experiment.verify(1).identical
    file = tmp_path / "page.html"
    experiment.report(file)
    shown = Shown(browser, file)
    colours = set()
    for scheme in ("light", "dark"):
        shown.tab.emulate_media(color_scheme=scheme)
        for width in WIDTHS:
            shown.tab.set_viewport_size({"width": width, "height": 900})
            assert shown.tab.evaluate("document.documentElement.scrollWidth") <= width, (scheme, width)
            assert serious(shown) == [], (scheme, width)
            assert picture(shown, f"{scheme}-{width}", tmp_path)[0] == width
        colours.add(shown.tab.evaluate("getComputedStyle(document.querySelector('#curve .xtick text')).fill"))
        colours.add(shown.tab.evaluate("getComputedStyle(document.body).color"))
    assert len(colours) == 2, "the charts have the page's two colours of text, one in light and one in dark"
    assert shown.count("#curve .scatterlayer .trace") == 2  # the best trial, and the others as one
    assert shown.count("#importance .bars path") == 3
    assert shown.count("#coordinates .y-axis") == 4
    assert any(
        shown.tab.evaluate("[...document.querySelectorAll('#coordinates canvas')].map(it => it.width * it.height)")
    )
    shown.tab.select_option("#metric", label="loss (training)")
    shown.tab.wait_for_function("document.querySelector('#curve .ytitle').textContent === 'loss'")
    assert "Verified: identical." in shown.text()
    assert shown.requests == [file.as_uri()]
    assert shown.complaints == []
    shown.tab.close()


def extreme(described: dict[str, Any]) -> None:
    """Gives trials values that are long, far apart or close."""
    for number, trial in enumerate(described["trials"]):
        trial["hparams"] = {
            "a long text": "x" * 500 + str(number), "huge": 10 ** (400 + number), "close": 1e15 + number,
            "signs": (-1) ** number * 1.7e308, "tiny": 5e-324 * (number + 1), "mixed": [1, "a", True][number % 3],
            **trial["hparams"],
        }  # fmt: skip
        for entry in trial["validation"]:
            entry["metrics"] |= {"accuracy": (-1) ** number * 1e300, "tiny": 1e-310 * entry["step"], "none": "NaN"}


@pytest.mark.long
def test_names_and_values_are_shown_whatever_they_are_and_run_nothing(browser: Any, made: Made, tmp_path: Path) -> None:
    described = made().describe()
    extreme(described)
    text = json.dumps(described)
    for name, hostile in (("accuracy", SCRIPT), ("adam", IMAGE), ("units", TEMPLATE), ("rate", QUOTES)):
        text = text.replace(f'"{name}"', json.dumps(hostile))
    described = json.loads(text) | {"description": SCRIPT + QUOTES, "labels": [IMAGE], "messages": [SCRIPT, TEMPLATE]}
    file = tmp_path / "page.html"
    write_report(described, None, file)
    shown = Shown(browser, file)
    shown.tab.hover("#curve .nsewdrag")
    assert shown.tab.evaluate("window.pwned") is None
    assert shown.count("script") == 3 and shown.count("img") == 0 and shown.count("[onmouseover]") == 0
    assert shown.tab.inner_text("h1") == f"Experiment 1: {SCRIPT}{QUOTES}".strip()
    every = shown.text()
    for hostile in (SCRIPT, IMAGE, QUOTES.strip(), TEMPLATE):
        assert hostile in every, hostile
    assert SCRIPT[:20] in shown.tab.text_content("#curve .ytitle")
    assert TEMPLATE[:8] in shown.tab.text_content("#coordinates")
    assert shown.count("#coordinates .y-axis") == 10 and shown.count("#curve .scatterlayer .trace") == 6
    assert "No curve of none (validation)" in every
    shown.tab.select_option("#metric", label="tiny (validation)")
    shown.tab.wait_for_function("document.querySelector('#curve .ytitle').textContent === 'tiny'")
    widest = max(shown.tab.evaluate("[...document.querySelectorAll('.trials .value')].map(it => it.offsetWidth)"))
    assert widest <= 20 * 16, "px, at 16 px a rem"
    # The first axis has texts at its left, which are inside the chart.
    left = shown.tab.evaluate("document.querySelector('#coordinates').getBoundingClientRect().left")
    texts = "[...document.querySelectorAll('#coordinates .y-axis:first-of-type text')]"
    assert left <= min(shown.tab.evaluate(f"{texts}.map(it => it.getBoundingClientRect().left)"))
    assert "cannot be drawn here" not in shown.text()
    assert shown.requests == [file.as_uri()] and shown.complaints == []
    shown.tab.close()


def test_a_script_that_were_not_escaped_would_not_run_and_would_be_noticed(
    browser: Any, made: Made, tmp_path: Path
) -> None:
    file = tmp_path / "page.html"
    write_report(made().describe(), None, file)
    # Without the library that draws, which takes long to read.
    text = re.sub(r"<script>.{1000000,}?</script>", "", file.read_text(), count=1, flags=re.DOTALL)
    file.write_text(text.replace("<main>", f"<main>{SCRIPT}<img src='https://example.org/x.png'>"))
    shown = Shown(browser, file, drawn=False)
    assert shown.tab.evaluate("window.pwned") is None
    assert any("script-src" in it for it in shown.complaints) and any("img-src" in it for it in shown.complaints)
    shown.tab.close()


def test_an_experiment_that_has_not_begun_has_a_page(browser: Any, made: Made, tmp_path: Path) -> None:
    experiment = made(run=False)
    assert last_certificate(experiment) is None
    file = tmp_path / "page.html"
    experiment.report(file)
    assert file.stat().st_size < 100_000, "nothing is drawn, so the library that draws is not there"
    shown = Shown(browser, file, drawn=False)
    for sentence in (
        "no trial was validated",
        "There are no metrics yet",
        "Not verified yet",
        "pedl experiment verify 1",
    ):
        assert sentence.lower() in shown.text().lower()
    assert shown.complaints == []
    shown.tab.close()
