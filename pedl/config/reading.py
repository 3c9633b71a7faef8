"""From a YAML 1.2 file to plain data and the line of every value.

The file is composed to nodes, which know their lines, and the nodes are turned into dicts, lists, texts and numbers
here, so that a key written twice, a tag, or a key that is no text can be told with its line. Nothing is constructed
that a file asks for by tag. Timestamps are texts and `yes` is a text, as YAML 1.2 has it; `1e-4` is a number.
"""

from __future__ import annotations

import re
from pathlib import Path as FilePath
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pedl.config.problems import Path, Problem, shown
from pedl.errors import ConfigError

TAG = "tag:yaml.org,2002:"
AS_TEXT = (TAG + "str", TAG + "timestamp")
AS_VALUE = (TAG + "null", TAG + "bool", TAG + "int", TAG + "float")

DEEPEST, LARGEST = 100, 100_000
"""Levels of nesting, and values, that are read: more is a mistake, or aliases that contain themselves."""


_TOO_LARGE = f"found more than {DEEPEST} levels or {LARGEST:,} values, expected no alias that contains itself"


class _TooLarge(MarkedYAMLError):
    """The document is nested or repeats itself without end."""


class Document:
    """A file that was read: its `value`, the `lines` of its paths (from 1), and the `problems` on the way."""

    def __init__(self) -> None:
        self.yaml = YAML(typ="safe", pure=True)
        self.value: Any = None
        self.lines: dict[Path, int] = {}
        self.problems: list[Problem] = []

    def add(self, path: Path, node: Node, message: str) -> None:
        """Notes a problem at the line of a node."""
        self.problems.append(Problem(path, message, node.start_mark.line + 1))


def read_document(file: FilePath) -> Document:
    """Reads a file of one YAML document.

    Raises:
      ConfigError: if it cannot be read at all: no such file, no text, no YAML. Other problems are in the document.
    """
    text = _read_text(file)
    document = Document()
    if problem := _version_problem(text):
        document.problems.append(problem)
        return document
    try:
        _fill(document, text)
    except MarkedYAMLError as error:
        document.problems = [_syntax_problem(error, text)]
    except YAMLError as error:
        document.problems = [Problem((), f"found {str(error).strip()}, expected plain text in YAML 1.2")]
    except RecursionError:
        document.problems = [Problem((), _TOO_LARGE)]
    return document


def _version_problem(text: str) -> Problem | None:
    version = re.match(r"%YAML +([0-9.]+)", text)
    if version is None or version[1] == "1.2":
        return None
    return Problem((), f"found `{version[0]}`, expected YAML 1.2, in which `yes` is a text; remove the line", 1)


def _fill(document: Document, text: str) -> None:
    node = document.yaml.compose(text)
    if node is None:
        document.problems.append(
            Problem((), "the file is empty, expected a mapping that has at least `searcher`", line=1)
        )
    elif not isinstance(node, MappingNode):
        found = "a list" if isinstance(node, SequenceNode) else f"only {shown(node.value)}"
        document.add((), node, f"found {found}, expected a mapping of names to values, such as `description: mnist`")
    else:
        document.value = _plain(node, (), document)


def _read_text(file: FilePath) -> str:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        raise ConfigError(f"{file}: there is no such file; expected an experiment configuration in YAML") from None
    except IsADirectoryError:
        raise ConfigError(f"{file} is a directory, expected a configuration file{_in(file)}") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror}") from None
    if b"\0" in content:
        raise ConfigError(f"{file} is a binary file, expected a text file in YAML") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        found = f"found the byte 0x{content[error.start]:02x}, which is not UTF-8"
        raise ConfigError(f"{file}:{line}: {found}; save the file as UTF-8") from None


def _in(directory: FilePath) -> str:
    there = sorted(it for ending in ("*.yaml", "*.yml") for it in directory.glob(ending))
    return f", such as {there[0]}" if there else " in YAML"


def _syntax_problem(error: MarkedYAMLError, text: str) -> Problem:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    rows = text.splitlines()
    row = rows[line - 1] if line <= len(rows) else ""
    if "\t" in row[: len(row) - len(row.lstrip())]:
        return Problem((), "found a tab, expected spaces only; YAML is indented with spaces", line)
    if "expected a single document" in str(error):
        return Problem((), "found a second document (`---`), expected one configuration in a file", line)
    if isinstance(error, _TooLarge):
        return Problem((), _TOO_LARGE, line)
    context = f" {error.context}" if error.context else ""
    return Problem((), f"this is not YAML: {error.problem}{context}; found {shown(row.strip())}", line)


def _plain(node: Node, path: Path, document: Document) -> Any:
    """Returns a node as plain data, and notes lines and problems in the document."""
    document.lines.setdefault(path, node.start_mark.line + 1)
    if len(path) > DEEPEST or len(document.lines) > LARGEST:
        raise _TooLarge(problem=_TOO_LARGE, problem_mark=node.start_mark)
    if isinstance(node, MappingNode) and node.tag == TAG + "map":
        return _plain_mapping(node, path, document)
    if isinstance(node, SequenceNode) and node.tag == TAG + "seq":
        return [_plain(item, (*path, index), document) for index, item in enumerate(node.value)]
    if isinstance(node, ScalarNode) and node.tag in AS_TEXT:
        return node.value
    if isinstance(node, ScalarNode) and node.tag in AS_VALUE:
        return _scalar(node, path, document)
    document.add(path, node, f"found the tag {node.tag}, expected plain values; remove the tag")
    return None


def _scalar(node: ScalarNode, path: Path, document: Document) -> Any:
    try:
        return document.yaml.constructor.construct_object(node)
    except (ValueError, YAMLError):
        document.add(path, node, f"found {node.value}, which does not fit its tag {node.tag}; remove the tag")
        return None


def _plain_mapping(node: MappingNode, path: Path, document: Document) -> dict[str, Any]:
    mapping: dict[str, Any] = {}
    first_lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode) or key.tag not in AS_TEXT:
            document.add(path, key, _bad_key(key))
        elif key.value in mapping:
            message = f"found twice, first in line {first_lines[key.value]}; expected once: remove one of them"
            document.add((*path, key.value), key, message)
        else:
            first_lines[key.value] = document.lines[(*path, key.value)] = line
            mapping[key.value] = _plain(value, (*path, key.value), document)
    return mapping


def _bad_key(key: Node) -> str:
    if key.tag == TAG + "merge":
        return "found the merge key `<<`, which YAML 1.2 does not have; write the fields out"
    name = key.value if isinstance(key, ScalarNode) else "a list or mapping"
    return f'found the key {name}, expected a text; write it in quotes: "{name}"'
