"""What can be read in a model definition's source, and not be seen while it runs: sets that are iterated, and the like.

Nothing is imported. What is found is a place to look, not a fault: a set of numbers has one order in every process, and
a count that no checkpoint holds may decide nothing. Places are told as those that were met while training,
`{"kind", "call", "file", "line"}`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Suspect = dict[str, Any]

_ORDER_FREE = frozenset({"sorted", "len", "set", "frozenset", "min", "max", "any", "all", "sum", "Counter", "bool"})
"""What takes many and does not tell their order. (A sum of floats does; of a set, it is rare.)"""

_ORDERED = frozenset(
    {"list", "tuple", "enumerate", "iter", "map", "filter", "zip", "join", "array", "asarray", "fromkeys", "stack"}
)
_LISTINGS = frozenset({"listdir", "scandir", "iterdir", "walk", "fwalk", "glob", "iglob", "rglob"})
_SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference", "copy"})
_SET_OPERATORS = (ast.BitOr, ast.BitAnd, ast.Sub, ast.BitXor)
_MANY = (ast.ListComp, ast.GeneratorExp, ast.DictComp)

_IN_TRAINING = frozenset({"__getitem__", "__next__", "__iter__", "__call__", "call", "on_epoch_end"})
"""Methods that training calls again and again; what they change by themselves is in no checkpoint."""

_CHANGES = frozenset({"append", "extend", "insert", "pop", "remove", "clear", "update", "add", "setdefault"})
_IN_TURN = {"as_completed": "concurrent.futures.as_completed", "imap_unordered": "imap_unordered"}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Source:
    """The Python files of a model definition. Files that do not parse are left to the import, which says it better.

    Args:
      directory: the definition's.
    """

    def __init__(self, directory: Path) -> None:
        self._files: dict[str, _File] = {}
        for path in sorted(directory.rglob("*.py")):
            try:
                tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError):
                continue
            self._files[path.relative_to(directory).as_posix()] = _File(tree)

    def suspects(self) -> list[Suspect]:
        """Returns what was read, by file and line."""
        found = {(name, line, kind, call) for name, file in self._files.items() for kind, call, line in file.suspects()}
        return [{"kind": kind, "call": call, "file": name, "line": line} for name, line, kind, call in sorted(found)]

    def is_sorted(self, file: str, line: int) -> bool:
        """Returns whether what a line lists is put in order there, or by the name that the line gives it."""
        return file in self._files and self._files[file].is_sorted(line)


class _File:
    def __init__(self, tree: ast.Module) -> None:
        self._tree = tree
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        self._sets: set[tuple[ast.AST, str]] = set()
        self._listings: set[str] = set()
        self._sets = self._names_of_sets()
        given = [it for it in ast.walk(tree) if isinstance(it, ast.Assign) and self._lists(it.value)]
        self._listings = {target.id for it in given for target in it.targets if isinstance(target, ast.Name)}

    def suspects(self) -> Iterator[tuple[str, str, int]]:
        for node in ast.walk(self._tree):
            if self._iterates_set(node):
                yield "set", "a set is iterated", getattr(node, "lineno", 0)
            if isinstance(node, ast.Call):
                name = _called(node)
                if isinstance(node.func, ast.Name) and name in ("hash", "id"):
                    yield "hash", f"{name}()", node.lineno
                if name in _IN_TURN:
                    yield "turn", _IN_TURN[name], node.lineno
            if isinstance(node, _FUNCTIONS):
                yield from self._changes(node)

    def is_sorted(self, line: int) -> bool:
        here = [it for it in ast.walk(self._tree) if isinstance(it, ast.stmt | ast.expr) and _spans(it, line)]
        if any(self._is_put_in_order(target) for it in here if isinstance(it, ast.Assign) for target in it.targets):
            return True
        takers = [it for it in here if isinstance(it, ast.Call) and _called(it) in _ORDER_FREE]
        taken = {it for taker in takers for given in taker.args for it in ast.walk(given) if self._lists(it)}
        return bool(taken) and all(it in taken for it in here if self._lists(it))

    def _lists(self, node: ast.AST) -> bool:
        """Whether it lists a directory; a name that was given a listing may do so only when it is iterated."""
        if isinstance(node, ast.Name):
            return node.id in self._listings and isinstance(node.ctx, ast.Load)
        return isinstance(node, ast.Call) and _called(node) in _LISTINGS

    def _is_put_in_order(self, target: ast.expr) -> bool:
        name, scope = ast.unparse(target), self._scope(target)
        for node in ast.walk(scope):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Attribute) and node.func.attr == "sort":
                    if ast.unparse(node.func.value) == name:
                        return True
                elif _called(node) == "sorted" and node.args and ast.unparse(node.args[0]) == name:
                    return True
        return False

    def _iterates_set(self, node: ast.AST) -> bool:
        if isinstance(node, ast.For | ast.AsyncFor):
            return self._is_set(node.iter)
        if isinstance(node, _MANY):
            return any(self._is_set(it.iter) for it in node.generators) and not self._is_order_free(node)
        if isinstance(node, ast.Starred):
            return self._is_set(node.value) and not isinstance(self._parents.get(node), ast.Set)
        if isinstance(node, ast.Assign):
            return isinstance(node.targets[0], ast.Tuple) and self._is_set(node.value)
        if not isinstance(node, ast.Call):
            return False
        if isinstance(node.func, ast.Attribute) and node.func.attr == "pop" and not node.args:
            return self._is_set(node.func.value)
        return _called(node) in _ORDERED and any(self._is_set(it) for it in node.args) and not self._is_order_free(node)

    def _is_order_free(self, node: ast.expr) -> bool:
        parent = self._parents.get(node)
        return isinstance(parent, ast.Call) and _called(parent) in _ORDER_FREE

    def _is_set(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Set | ast.SetComp):
            return True
        if isinstance(node, ast.BinOp):
            return isinstance(node.op, _SET_OPERATORS) and (self._is_set(node.left) or self._is_set(node.right))
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                return node.func.id in ("set", "frozenset")
            return isinstance(node.func, ast.Attribute) and (
                node.func.attr in _SET_METHODS and self._is_set(node.func.value)
            )
        return isinstance(node, ast.Name | ast.Attribute) and self._named(node) in self._sets

    def _names_of_sets(self) -> set[tuple[ast.AST, str]]:
        """Names and attributes that are given sets, and nothing else."""
        given: dict[tuple[ast.AST, str], list[ast.expr]] = {}
        for node in ast.walk(self._tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name | ast.Attribute):
                        given.setdefault(self._named(target), []).append(node.value)
        self._sets = set()
        while True:  # a name may be given what another name is
            found = {name for name, values in given.items() if all(self._is_set(value) for value in values)}
            if found == self._sets:
                return found
            self._sets = found

    def _named(self, node: ast.expr) -> tuple[ast.AST, str]:
        # An attribute is its object's, in whatever method; a name of a module is seen in its functions.
        name = ast.unparse(node)
        if isinstance(node, ast.Attribute):
            return self._tree, name
        scope = self._scope(node)
        local = any(
            isinstance(it, ast.Name) and it.id == name and isinstance(it.ctx, ast.Store) for it in ast.walk(scope)
        )
        return (scope if local else self._tree), name

    def _scope(self, node: ast.AST) -> ast.AST:
        while node in self._parents and not isinstance(node, _FUNCTIONS):
            node = self._parents[node]
        return node

    def _changes(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[tuple[str, str, int]]:
        shared = {name for it in ast.walk(function) if isinstance(it, ast.Global) for name in it.names}
        owner = self._parents.get(function)
        bases = [ast.unparse(base) for base in owner.bases] if isinstance(owner, ast.ClassDef) else []
        kept = any("Callback" in base for base in bases)
        again = function.name in _IN_TRAINING and isinstance(owner, ast.ClassDef) and not kept
        for node in ast.walk(function):
            for target in _changed(node):
                name = ast.unparse(target)
                root = name.partition(".")[0].partition("[")[0]
                if root in shared or (again and root == "self" and name != "self"):
                    yield "state", f"{name} is changed in {function.name}()", target.lineno


def _changed(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Assign):
        return node.targets
    if isinstance(node, ast.AugAssign):
        return [node.target]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGES:
        return [node.func.value]
    return []


def _called(node: ast.Call) -> str:
    if isinstance(node.func, ast.Name):
        return node.func.id
    return node.func.attr if isinstance(node.func, ast.Attribute) else ""


def _spans(node: ast.stmt | ast.expr, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or line)
