"""Where the things of `__main__` stand in its source: a script's file, or the cells of a notebook.

Cells are found where IPython leaves them for tracebacks (`linecache`). Only what stands at the top of a script or cell
is looked at, inside of `if`, `try` and `with`, too, but not what a function defines when it runs.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import resolve_name
from types import CodeType, FunctionType, ModuleType
from typing import Any

from pedl.experiment.plain_source import source_of


@dataclass(frozen=True)
class Unit:
    """A script or a cell, parsed."""

    file: str
    text: str
    tree: ast.Module

    def statements(self) -> Iterator[ast.stmt]:
        """Yields the statements that run when the unit does, those in the bodies of `if` and its like, too."""
        pending: list[ast.AST] = list(self.tree.body)
        while pending:
            node = pending.pop(0)
            if isinstance(node, ast.stmt):
                yield node
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                inner = (it for it in ast.iter_child_nodes(node) if isinstance(it, ast.stmt | ast.ExceptHandler))
                pending[:0] = inner

    def source(self, node: ast.stmt) -> str:
        """Returns the lines of a statement, with decorators and comments; without an indentation of its own."""
        if node.col_offset:
            return ast.unparse(node)
        lines = self.text.split("\n")[_first_line(node) - 1 : node.end_lineno]  # ast counts no form feed as a line
        return "\n".join(lines)


class MainSource:
    """The source of `__main__`, and what its names were bound by."""

    def __init__(self) -> None:
        self.main = sys.modules["__main__"]
        file = getattr(self.main, "__file__", None)
        # An entry without a time of change is no file: a cell.
        cells = [name for name, entry in linecache.cache.items() if len(entry) == 4 and entry[1] is None]
        self._units = [unit for name in [*([file] if file else []), *cells] if (unit := _parsed(name)) is not None]

    def definitions(self, name: str, value: Any) -> list[str]:
        """Returns the source of the class, function or lambda `value`; [] if it is not to be found.

        There are several where `value` does not say which of them made it.
        """
        for file, line in _places(value):
            unit = _parsed(file)
            for node in unit.statements() if unit is not None else ():
                named = _is_named(node, name) or _is_lambda(node, name)
                if unit is not None and named and _first_line(node) <= line <= (node.end_lineno or line):
                    return [unit.source(node)]
        return [] if isinstance(value, FunctionType) else self._named(name, value)

    def _named(self, name: str, value: Any) -> list[str]:
        """Returns the definitions of `name` that may have made a class without methods, or what a decorator gave."""
        found = [(unit, node) for unit in self._units for node in unit.statements() if _is_named(node, name)]
        found = [(unit, node) for unit, node in found if _agrees(node, value)] or found
        # An edited cell comes after what it supersedes. Within one unit, the last need not be the one that ran.
        return list(dict.fromkeys(unit.source(node) for unit, node in found if unit is found[-1][0]))

    def imports(self, name: str, value: Any) -> list[str]:
        """Returns the newest import of `value` as `name`, and every `import a.b` of it; [] if there are none."""
        found = [
            text
            for unit in self._units
            for node in unit.statements()
            for text, bound, imported in self._imported(node, name)
            if bound == name and imported is value
        ]
        # Each `import a.b` adds a module to `a`; of the others an edited cell's is superseded.
        return list(dict.fromkeys(it for it in found if it == found[-1] or it.startswith(f"import {name}.")))

    def reference(self, name: str, value: Any) -> str | None:
        """Returns the `a.b.c` that `name = a.b.c` bound `name` to, if `a` was imported; None if there is none."""
        for node in (node for unit in self._units for node in unit.statements()):
            if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute) and _binds(node, name)):
                continue
            root, *path = ast.unparse(node.value).split(".")
            found = vars(self.main).get(root)
            if root.isidentifier() and self.imports(root, found):
                for attribute in path:
                    found = getattr(found, attribute, self)
                if found is value:
                    return ast.unparse(node.value)
        return None

    def postpones_annotations(self) -> bool:
        """Tells whether annotations are texts, as `from __future__ import annotations` has it."""
        nodes = [node for unit in self._units for node in unit.statements() if isinstance(node, ast.ImportFrom)]
        return any(it.name == "annotations" for node in nodes if node.module == "__future__" for it in node.names)

    def _imported(self, node: ast.stmt, wanted: str) -> Iterator[tuple[str, str, Any]]:
        """Yields (statement, name, value) for each name of an import; `wanted` for those of `import *`."""
        if isinstance(node, ast.Import):
            for it in node.names:
                named = f" as {it.asname}" if it.asname else ""
                top = it.name.partition(".")[0]
                yield f"import {it.name}{named}", it.asname or top, sys.modules.get(it.name if it.asname else top)
        elif isinstance(node, ast.ImportFrom):
            module = self._absolute(node)
            for it in node.names:
                name = wanted if it.name == "*" else it.name
                named = f" as {it.asname}" if it.asname else ""
                value = getattr(sys.modules.get(module), name, sys.modules.get(f"{module}.{name}", self))
                yield f"from {module} import {name}{named}", it.asname or name, value

    def _absolute(self, node: ast.ImportFrom) -> str:
        module = node.module or ""
        return resolve_name("." * node.level + module, getattr(self.main, "__package__", None) or "") or module


def importable(name: str, value: Any) -> str | None:
    """Returns an import of `value`, a module or a thing of one other than `__main__`; None if it cannot be imported."""
    if isinstance(value, ModuleType):
        return f"import {value.__name__} as {name}"
    module, attribute = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if module in (None, "__main__") or getattr(sys.modules.get(str(module)), str(attribute), None) is not value:
        return None
    return f"from {module} import {attribute} as {name}"


def _parsed(file: str) -> Unit | None:
    text = "".join(linecache.getlines(file))
    try:
        return Unit(file, text, ast.parse(text)) if text else None
    except SyntaxError:  # a cell that was no Python, or generated code
        return None


def _places(value: Any) -> Iterator[tuple[str, int]]:
    """Yields file and line of the code of a function, or of the methods of a class."""
    if isinstance(value, type):
        for it in vars(value).values():
            function = inspect.unwrap(getattr(it, "__func__", getattr(it, "fget", it)))
            if isinstance(function, FunctionType) and function.__qualname__.startswith(f"{value.__qualname__}."):
                yield function.__code__.co_filename, function.__code__.co_firstlineno
    else:
        code = getattr(inspect.unwrap(value), "__code__", None) if callable(value) else None
        if isinstance(code, CodeType):
            yield code.co_filename, code.co_firstlineno


def _is_named(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name == name


def _agrees(node: ast.stmt, value: Any) -> bool:
    """Tells whether a class has what its statement gives it: attributes of plain data, and constants as they stand."""
    if not (isinstance(node, ast.ClassDef) and isinstance(value, type)):
        return False
    plain = {name: text for name, it in vars(value).items() if (text := source_of(it)) and not name.startswith("__")}
    stored = Counter(it.id for it in ast.walk(node) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store))
    constants = {name: text for it in node.body for name, text in _constants(it) if stored[name] == 1}
    return plain.keys() <= stored.keys() and constants.items() <= plain.items()


def _constants(node: ast.stmt) -> Iterator[tuple[str, str | None]]:
    """Yields the name and the text of a constant that a statement binds a name to."""
    if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
        return
    for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
        with suppress(ValueError):  # no constant
            if isinstance(target, ast.Name):
                yield target.id, source_of(ast.literal_eval(node.value))


def _is_lambda(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda) and _binds(node, name)


def _binds(node: ast.Assign, name: str) -> bool:
    return [getattr(it, "id", None) for it in node.targets] == [name]


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(it.lineno for it in decorators)])
