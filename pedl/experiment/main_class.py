"""A trial class of `__main__`, written down as one module: the class, and the names of `__main__` that it uses.

Imports and definitions are taken from the source, data by their values; nothing else is taken along, and no other
statement is. The text is a function of these alone: the same script or notebook gives the same text.
"""

from __future__ import annotations

import ast
import symtable
from collections.abc import Iterator
from typing import Any

from pedl.errors import TrialDefinitionError
from pedl.experiment.main_source import MainSource, importable
from pedl.experiment.plain_source import PLAIN, source_of

HOOKS = ("make_data_loaders", "download_data")
"""Functions that may stand beside a class."""


def written_down(trial_class: type) -> str:
    """Returns the text of a module that defines `trial_class`, a class of `__main__`.

    Raises:
      TrialDefinitionError: if it uses something that is neither plain data nor to be found in the source; all such
        names at once.
    """
    return _Module(trial_class).text()


class _Module:
    """The module that is being written."""

    def __init__(self, trial_class: type) -> None:
        self._source = MainSource()
        self._names = vars(self._source.main)
        self._class = trial_class
        self._imports: set[str] = set()
        self._data: dict[str, str] = {}
        self._definitions: dict[str, str] = {}
        self._met: set[str] = set()
        self._problems: list[str] = []

    def text(self) -> str:
        name = self._class.__name__
        if self._names.get(name) is not self._class:
            raise TrialDefinitionError(
                f"the trial class {self._class.__qualname__} is not {name} of the script or the notebook: it was made "
                "inside of a function or a class, or defined anew since.\nDefine it at the top, and hand that over."
            )
        self._take(name, "it")
        for hook in HOOKS:
            if hook in self._names and not hasattr(self._class, hook):
                self._take(hook, f"{name}'s data")
        if self._problems:
            raise TrialDefinitionError(
                f"{name} cannot be written down for its experiment:\n" + "\n".join(f"  {it}" for it in self._problems)
            )
        future = ["from __future__ import annotations\n"] if self._source.postpones_annotations() else []
        data = [f"{it} = {value}" for it, value in sorted(self._data.items())]
        parts = ["\n".join([*future, *sorted(self._imports)]), "\n".join(data), *self._definitions.values()]
        head = f"# {name} and what it uses, as they were when the experiment was created.\n"
        return head + "\n\n\n".join(part for part in parts if part) + "\n"

    def _take(self, name: str, user: str) -> None:
        if name in self._met or name not in self._names or name.startswith("__"):
            return
        self._met.add(name)
        value = self._names[name]
        if imports := self._source.imports(name, value):
            self._imports.update(imports)
        elif self._is_alias(name, value):
            self._take(value.__name__, user)
            self._definitions[name] = f"{name} = {value.__name__}"
        elif texts := self._texts(name, value):
            self._take_definition(name, texts[0])
            self._problems += [_several(name, user, texts)] if len(texts) > 1 else []
        elif (plain := source_of(value)) is not None:
            self._data[name] = plain
        elif (reference := self._source.reference(name, value)) is not None:
            self._take(reference.partition(".")[0], name)
            self._data[name] = reference
        elif (statement := importable(name, value)) is not None:
            self._imports.add(statement)
        else:
            self._problems.append(_problem(name, value, user))

    def _is_alias(self, name: str, value: Any) -> bool:
        other = getattr(value, "__name__", name)
        return callable(value) and other != name and self._names.get(other) is value

    def _texts(self, name: str, value: Any) -> list[str]:
        of_main = getattr(value, "__module__", None) == "__main__"
        return self._source.definitions(name, value) if of_main and callable(value) else []

    def _take_definition(self, name: str, text: str) -> None:
        """What runs when the definition does stands above it; what its functions use when they are called, below."""
        at_once, later = _used(text)
        for used in at_once:
            self._take(used, name)
        self._definitions[name] = text
        for used in later:
            self._take(used, name)


def _used(text: str) -> tuple[list[str], list[str]]:
    """Returns the global names that a definition uses: at once, as bases and decorators are; in its functions."""
    at_once: set[str] = set()
    later: set[str] = set()
    top = symtable.symtable(text, "<definition>", "exec")
    # Of a class, what a lambda is handed to may call it at once; `name = lambda: ...` is as good as a function.
    waits = isinstance(ast.parse(text).body[0], ast.Assign)
    for table, runs in _tables(top, waits):
        for symbol in table.get_symbols():
            # Python 3.12 and newer have what a comprehension at the top runs over as a name of the top.
            own = table is top and symbol.is_assigned()
            if symbol.is_referenced() and symbol.is_global() and not own:
                (at_once if runs else later).add(symbol.get_name())
    return sorted(at_once), sorted(later - at_once)


def _tables(table: symtable.SymbolTable, waits: bool, runs: bool = True) -> Iterator[tuple[symtable.SymbolTable, bool]]:
    """Yields a table and those in it, each with whether its code runs when the definition does.

    Args:
      waits: whether lambdas do not, as functions do not. Comprehensions always do: only they have a parameter `.0`.
    """
    yield table, runs
    for child in table.get_children():
        is_at_once = child.get_type() != "function" or ".0" in child.get_identifiers()
        may_be = child.get_name() == "lambda" and not waits
        yield from _tables(child, waits, runs and (is_at_once or may_be))


def _several(name: str, user: str, texts: list[str]) -> str:
    return (
        f"{name}, which {user} uses, is defined by {len(texts)} statements of one script or cell, and it does not say "
        "which of them it is from. Name them differently, or give it a method."
    )


def _problem(name: str, value: Any, user: str) -> str:
    what = f"{name}, which {user} uses, is a {type(value).__module__}.{type(value).__qualname__}"
    if callable(value) and getattr(value, "__module__", None) == "__main__":
        return (
            f"{what} whose source cannot be found. Define it in a script, or in a cell that does not begin with "
            "%%, at the top."
        )
    return (
        f"{what}, neither plain data ({PLAIN}) nor a class or a function that the source defines: an object made from "
        "them cannot be written down. Make it where it is used, in a method of the trial or in a function, from plain "
        "data or a file; or write a directory with a model_def.py and hand that over."
    )
