"""docs/commands.md has every command, argument and option, in the words of its own help."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import fields

import click
import pytest

from pedl.cli.main import cli
from pedl.experiment.difference import Difference, ProfileDifference
from tests.docs.pages import ROOT, blocks

PAGE = (ROOT / "docs" / "commands.md").read_text()
EVERYWHERE = ("home", "help", "version")
"""Options that the page describes once."""


def commands(group: click.Group = cli, words: str = "pedl") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{words} {name}")
        else:
            yield f"{words} {name}", command


def section(words: str, command: click.Command) -> str:
    """Returns what the page must have of a command: heading, help and a row for each option."""
    pieces = command.collect_usage_pieces(click.Context(command))
    head = " ".join(["### " + words, *(piece for piece in pieces if piece != "[OPTIONS]")])
    told = [paragraph for paragraph in inspect.cleandoc(command.help).split("\n\n") if "\b" not in paragraph]
    rows = [
        f"| `{'`, `'.join([*it.secondary_opts, *it.opts])}{'' if it.is_flag else ' ' + it.metavar}` | {it.help} |"
        for it in command.params
        if isinstance(it, click.Option) and it.name not in EVERYWHERE
    ]
    table = ["| option | |\n|---|---|\n" + "\n".join(rows)] if rows else []
    return "\n\n".join([head, *told, *table])


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize(("words", "command"), list(commands()))
def test_a_command_is_on_the_page_in_the_words_of_its_help(words: str, command: click.Command) -> None:
    assert plain(section(words, command)) in plain(PAGE), f"docs/commands.md lacks:\n\n{section(words, command)}"


def test_the_page_has_no_other_command() -> None:
    shown = set(re.findall(r"^### (pedl [a-z -]+)", PAGE, re.MULTILINE))
    assert {name.strip() for name in shown} == {words for words, _ in commands()}


def test_every_command_that_keeps_or_reads_experiments_takes_a_home() -> None:
    without = {words for words, command in commands() if "home" not in {it.name for it in command.params}}
    assert without == {"pedl preview-search", "pedl shake", "pedl doctor", "pedl completion"}


def test_every_command_has_an_example_that_is_run() -> None:
    lines = [line for block in blocks("docs/commands.md") if block.language == "sh" for line in block.text.splitlines()]
    for words, _ in commands():
        assert any(line.startswith(words) for line in lines), words


TOLD_ELSEWHERE = {"pedl experiment create": "wait", "pedl experiment activate": "wait"}
"""Commands whose JSON is told where another command is."""


def told(words: str) -> str:
    """Returns what the page says of a command."""
    return PAGE.partition(f"\n### {words}")[2].partition("\n##")[0]


@pytest.mark.parametrize("words", [words for words, it in commands() if "as_json" in {p.name for p in it.params}])
def test_the_json_of_a_command_is_shown_or_told(words: str) -> None:
    # A document that is shown is held against what is printed by tests/docs/test_pages.py, key by key.
    text = told(f"pedl experiment {TOLD_ELSEWHERE[words]}" if words in TOLD_ELSEWHERE else words)
    assert "```json" in text or "The JSON" in text, words


def test_the_fields_of_a_difference_are_those_on_the_page() -> None:
    text = told("pedl experiment verify")
    for section, row in ((Difference, "difference"), (ProfileDifference, "profile_differences")):
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{row}` |")]
        named = set(re.findall(r"`(\w+)`", line.partition(":")[2]))
        assert named == {field.name for field in fields(section)}
