"""The pages that people read, cut into their fenced blocks, and their links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "examples/mnist/README.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
)

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_FILE_NAME = re.compile(r"# ([\w/]+\.(?:py|yaml))$")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, the line it begins in, and the file that its first line names."""

    language: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        named = _FILE_NAME.match(self.text.splitlines()[0]) if self.text else None
        return named[1] if named else None


def blocks(page: str) -> list[Block]:
    """Returns the fenced blocks of a page, in their order."""
    text = (ROOT / page).read_text()
    return [Block(it[1], it[2], text.count("\n", 0, it.start()) + 1) for it in _FENCE.finditer(text)]


def links(page: str) -> Iterator[str]:
    """Yields the targets of a page's links, but for those in fenced blocks."""
    yield from _LINK.findall(_FENCE.sub("", (ROOT / page).read_text()))


def anchors(path: Path) -> set[str]:
    """Returns the anchors of a page's headings, as code hosts make them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", path.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
