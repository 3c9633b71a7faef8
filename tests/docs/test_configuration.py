"""docs/configuration.md has every field with its default and with what its error says is allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from pedl.config import parse_config
from pedl.config.hparams import KINDS
from pedl.config.schema import Entrypoints, ExperimentConfig
from pedl.config.searcher import SEARCHERS
from pedl.config.values import Section
from pedl.errors import ConfigError
from pedl.variables import NOT_INHERITED, PEDL_SETS
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text()
MINIMAL: dict[str, Any] = {"searcher": {"name": "single", "metric": "loss", "max_steps": 1}}
WRONG = (1.5, "\0")
"""Values that no field takes: a number for texts and mappings, a text for the rest."""


def table(heading: str) -> dict[str, list[str]]:
    """Returns the rows of the table under a heading, by their first cell."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    below = section.partition("\n|---")[2].splitlines()[1:]
    rows = [line.strip("| ").split(" | ") for line in below if line.startswith("| `")]
    assert rows, heading
    return {row[0].strip("`"): [cell.strip(" |") for cell in row[1:]] for row in rows}


def fields(section: type[Section] = ExperimentConfig, prefix: str = "") -> Iterator[str]:
    for name, field in section.model_fields.items():
        inner = Entrypoints if name == "entrypoints" else field.annotation
        if isinstance(inner, type) and issubclass(inner, Section):
            yield from fields(inner, f"{prefix}{name}.")
        else:
            yield prefix + name


def with_value(path: str, value: Any) -> dict[str, Any]:
    config: dict[str, Any] = {**MINIMAL}
    *sections, name = path.split(".")
    inner = config
    for section in sections:
        inner = inner.setdefault(section, {"trial_class": "a:B"} if section == "entrypoints" else {})
    inner[name] = value
    return config


def test_the_page_has_every_field_in_the_order_of_the_schema() -> None:
    assert list(table("Fields")) == list(fields())


@pytest.mark.parametrize("field", list(fields()))
def test_a_default_is_the_one_on_the_page(field: str) -> None:
    default, value = table("Fields")[field][0], parse_config(MINIMAL).to_dict()
    if default.startswith("required"):
        with pytest.raises(ConfigError, match=f"{field}: is missing"):
            parse_config({} if field == "searcher" else {**MINIMAL, "entrypoints": {}})
        return
    for name in field.split("."):
        value = value[name] if value is not None else None
    shown = "none" if value is None else value if value and isinstance(value, str) else json.dumps(value)
    assert default.strip("`") == shown


@pytest.mark.parametrize("field", list(fields()))
def test_what_is_allowed_is_what_the_error_says(field: str) -> None:
    told = []
    for value in WRONG:
        try:
            parse_config(with_value(field, value))
        except ConfigError as error:
            told += re.findall(rf"{re.escape(field)}: found .*?, expected (.*)", str(error))
    assert told, f"{field} takes anything"
    assert all(text.startswith(table("Fields")[field][1]) for text in told), told


def test_the_page_has_every_kind_of_hyperparameter_with_its_fields() -> None:
    shown = {kind: set(re.findall(r"`(\w+)`", cells[0])) for kind, cells in table("Hyperparameters").items()}
    assert shown == {kind: set(section.model_fields) - {"type"} for kind, section in KINDS.items()}


def test_the_page_has_every_searcher_with_its_fields() -> None:
    shown = {name: set(re.findall(r"`(\w+)`", cells[0])) for name, cells in table("Searchers").items()}
    assert shown == {name: set(section.model_fields) - {"name"} for name, section in SEARCHERS.items()}


def test_the_page_has_every_special_variable() -> None:
    refused, recorded = (
        set(re.findall(r"`([A-Z][A-Z0-9_]+)`", part))
        for part in PAGE.partition("Set or removed by pedl")[2].split("Not inherited, but")
    )
    assert refused == set(PEDL_SETS)
    assert recorded == set(NOT_INHERITED)
