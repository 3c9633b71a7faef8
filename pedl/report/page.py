"""A page: one HTML file of an experiment that needs no network, has no time of its own, and runs no code but ours.

    describe() and the last certificate  ->  figures (`charts`)  ->  page.html, with CSS, scripts and Plotly inlined

The same experiment gives the same bytes, with the same versions of the packages that draw it. The page's security
policy forbids every request, and every script but those two that it names by their hash: were a name not escaped, what
it says would not run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pedl import jsontext
from pedl.config import yaml_text
from pedl.display.words import brief, pairs
from pedl.experiment.outcome import PROMISE
from pedl.extras import need
from pedl.files import write_synced
from pedl.report import charts
from pedl.report.importance import BEST, importance
from pedl.report.results import Results

Chart = dict[str, Any]
Certificate = Mapping[str, Any] | str | None


def write_report(described: Mapping[str, Any], certificate: Certificate, file: Path) -> None:
    """Writes the page of an experiment; the file is there as a whole or not at all.

    Args:
      described: what `Experiment.describe` returns.
      certificate: of its last verification; None if it was not verified, and a text that says why it cannot be read.

    Raises:
      InputError: if a package is missing that the page is made with.
    """
    write_synced(file, report_page(described, certificate).encode())


def report_page(described: Mapping[str, Any], certificate: Certificate = None) -> str:
    """Returns the page of an experiment; see `write_report`."""
    need("report", "A report", "plotly", "jinja2", "optuna")
    import jinja2
    from plotly.offline import get_plotlyjs

    results = Results(jsontext.plain(dict(described)))
    found = figures(results)
    drawn = any(not isinstance(it, str) for it in found.values())
    places = [(f"curves-{number}", *metric) for number, metric in enumerate(results.metrics)]
    scripts = (get_plotlyjs(), _asset("page.js")) if drawn else ()
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"brief": brief, "pairs": pairs}
    return environment.from_string(_asset("page.html")).render(
        it=results.described,
        results=results,
        certificate=certificate,
        gone_on=isinstance(certificate, Mapping) and _gone_on(results.described, certificate["digests"]),
        promise=PROMISE,
        charts=found,
        curves=[it for it in places if not isinstance(found[it[0]], str)],
        no_curves=[sentence for it in places if isinstance(sentence := found[it[0]], str)],
        best_part=f"{BEST:.0%}",
        most_curves=charts.MOST_CURVES,
        most_lines=charts.MOST_LINES,
        config_yaml=yaml_text(results.described["config"]),
        style=_asset("page.css"),
        scripts=scripts,
        hashes=[_policy_hash(script) for script in scripts],
        data=_script_data(found),
    )


def _gone_on(described: Mapping[str, Any], digests: Mapping[str, Any]) -> bool:
    """Tells whether an experiment has more than what was verified of it: trials, batches, or an end."""
    # The outcome alone would not do: it is None until the experiment is over.
    trials = {str(it["id"]): (it["fingerprint"], it["weights_sha256"]) for it in described["trials"]}
    verified = {number: (it["fingerprint"], it["weights"]) for number, it in digests["trials"].items()}
    return bool(digests["outcome"] != described["outcome_sha256"] or verified != trials)


def figures(results: Results) -> dict[str, Chart | str]:
    """Returns the figures by the id of their place in the page; a sentence where there is nothing to draw."""
    found: dict[str, Chart | str] = {
        f"curves-{number}": charts.curves(results, *metric) for number, metric in enumerate(results.metrics)
    }
    mattered = importance(results)
    found["coordinates"] = charts.coordinates(results)
    found["importance"] = mattered if isinstance(mattered, str) else charts.bars(mattered)
    return found


def _script_data(found: Mapping[str, Chart | str]) -> str:
    """Returns the figures as JSON in which nothing ends the script element that it stands in."""
    text = jsontext.dumps({name: it for name, it in found.items() if not isinstance(it, str)})
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _policy_hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _asset(name: str) -> str:
    return files("pedl.report").joinpath(name).read_text(encoding="utf-8")
