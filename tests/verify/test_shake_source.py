"""Reading a model definition's source: what is iterated without an order, and what order is put into."""

from __future__ import annotations

from pathlib import Path

import pytest

from pedl.verify.shake_source import Source


def source(directory: Path, *lines: str) -> Source:
    (directory / "model_def.py").write_text("\n".join(lines) + "\n")
    return Source(directory)


@pytest.mark.parametrize(
    "line",
    [
        "for x in {1, 2}: pass",
        "list(set(y))",
        "[x for x in set(y)]",
        "{x: 0 for x in set(y)}",
        "','.join({'a', 'b'})",
        "np.array(list(y | {1}))",
        "first = next(iter(frozenset(y)))",
        "a, b = {1, 2}",
        "f(*{1, 2})",
        "s = set(y); s.pop()",
        "s = set(y); t = s.union(z); tuple(t)",
        "self.names = {1, 2}; sum(i * n for i, n in enumerate(self.names))",
        "dict.fromkeys(set(y))",
    ],
)
def test_a_set_that_is_iterated_is_found(tmp_path: Path, line: str) -> None:
    assert [it["kind"] for it in source(tmp_path, line).suspects()] == ["set"]


@pytest.mark.parametrize(
    "line",
    [
        "for x in sorted({1, 2}): pass",
        "sorted(x for x in set(y))",
        "len(set(y)); max(set(y)); 3 in {1, 2}",
        "{x + 1 for x in sorted(y)}",
        "s = set(y); s = sorted(s); list(s)",
        "s = [1]; s.pop(); list(s)",
        "for x in [1, 2]: pass",
        "set(y) == {1, 2}",
        "a, b = 1, 2",
    ],
)
def test_what_has_an_order_or_needs_none_is_not(tmp_path: Path, line: str) -> None:
    assert source(tmp_path, line).suspects() == []


def test_a_name_is_a_set_only_where_it_is_one(tmp_path: Path) -> None:
    lines = [
        "def one():",
        "    names = {1, 2}",
        "    return list(names)",
        "def other(names):",
        "    names = sorted(names)",
    ]
    found = source(tmp_path, *lines, "    return list(names)").suspects()
    assert found == [{"kind": "set", "call": "a set is iterated", "file": "model_def.py", "line": 3}]


def test_state_that_training_changes_is_found_where_no_checkpoint_holds_it(tmp_path: Path) -> None:
    found = source(
        tmp_path,
        "class Items(keras.utils.PyDataset):",
        "    def __init__(self):",
        "        self.taken = 0",
        "    def __getitem__(self, index):",
        "        self.taken += 1",
        "        self.seen.append(index)",
        "        taken = index",
        "class Kept(keras.callbacks.Callback):",
        "    def on_epoch_end(self, epoch, logs):",
        "        self.best = logs",
        "def count():",
        "    global calls",
        "    calls = calls + 1",
    ).suspects()
    assert [(it["call"], it["line"]) for it in found] == [
        ("self.taken is changed in __getitem__()", 5),
        ("self.seen is changed in __getitem__()", 6),
        ("calls is changed in count()", 13),
    ]


def test_hashes_and_what_comes_in_the_order_of_completion_are_found(tmp_path: Path) -> None:
    found = source(tmp_path, "seed = hash('name')", "for it in as_completed(futures): pass").suspects()
    assert [(it["kind"], it["line"]) for it in found] == [("hash", 1), ("turn", 2)]


@pytest.mark.parametrize(
    ("lines", "is_sorted"),
    [
        (["names = sorted(os.listdir(d))"], True),
        (["names = os.listdir(d)", "names.sort()"], True),
        (["names = os.listdir(d)", "for x in sorted(names): pass"], True),
        (["count = len(os.listdir(d))"], True),
        (["names = os.listdir(d)", "other.sort()"], False),
        (["for x in os.listdir(d): pass"], False),
        (["for x in os.listdir(d)[: len(y)]: pass"], False),
        (["names = [x for x in os.listdir(d) if len(x) > 3]"], False),
        (["np.stack([read(x) for x in os.listdir(d)]).max(0)"], False),
        (["first = sorted(y, key=os.listdir(d).index)"], False),
        (["both = sorted(os.listdir(d)) + os.listdir(e)"], False),
        (["for x in sorted(p for p in d.iterdir() if p.suffix): pass"], True),
        (["for x in sorted(", "    d.glob('*')", "): pass"], True),
    ],
)
def test_a_listing_is_sorted_where_it_is_made_or_by_its_name(tmp_path: Path, lines: list[str], is_sorted: bool) -> None:
    assert source(tmp_path, *lines).is_sorted("model_def.py", 1) is is_sorted


def test_a_listing_that_is_made_as_it_is_used_is_sorted_there(tmp_path: Path) -> None:
    """`Path.iterdir` and `os.walk` list only once they are iterated."""
    lines = ["paths = d.iterdir()", "for x in sorted(paths): pass", "for x in list(paths)[: len(y)]: pass"]
    found = source(tmp_path, *lines)
    assert found.is_sorted("model_def.py", 2)
    assert not found.is_sorted("model_def.py", 3)


def test_a_file_that_does_not_parse_is_left_to_the_import(tmp_path: Path) -> None:
    assert source(tmp_path, "def (:").suspects() == []
    assert not source(tmp_path, "def (:").is_sorted("model_def.py", 1)
