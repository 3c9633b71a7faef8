"""For the site: links out of docs/, which lead somewhere on a code host only, become the names of their files."""

import re
from typing import Any

_OUT = re.compile(r"\[([^\]]+)\]\(\.\./([^)#]+)[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Returns a page's text for the site: of a link such as `[this](../examples/a.ipynb)`, the words and the file.

    MkDocs calls it by its name.
    """
    return _OUT.sub(lambda it: f"`{it[2]}`" if it[1] == it[2] else f"{it[1]} (`{it[2]}`)", markdown)
