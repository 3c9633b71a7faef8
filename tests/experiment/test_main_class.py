"""A class of a script is written down with what it uses, and nothing else; what cannot be is named."""

from __future__ import annotations

import linecache
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pedl.errors import TrialDefinitionError
from pedl.experiment.main_class import written_down

ROOT = Path(__file__).parents[2]
WRITE = "\nfrom pedl.experiment.main_class import written_down as _written\nprint(_written({name}), end='')\n"
HEAD = "# Trial and what it uses, as they were when the experiment was created.\n"


def written(directory: Path, script: str, name: str = "Trial", **environment: str) -> str:
    """Runs a script in a new process and returns what its class is written down as."""
    (directory / "script.py").write_text(script + WRITE.format(name=name))
    done = subprocess.run(
        [sys.executable, str(directory / "script.py")],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return done.stdout


USED = '''\
import json as text_of
import os.path
from math import inf, pi
from collections import *

print("not taken along")
NAMES = {"b", "a"}
RATES = tuple(0.1 * it for it in range(2))
unused = object()
helper = object()  # a global that is hidden by a local of its name


def late():
    return Counter(os.path.sep), Other


def marked(cls):
    cls.mark = MARK
    return cls


MARK = "here"
twice = lambda x: 2 * x  # as it stands


class Base:
    rates = RATES


@marked
class Trial(Base):
    """Says what it is."""

    names = NAMES

    def run(self):
        # with its comments
        helper = late()
        return text_of.dumps([pi, twice(1)]), helper, missing_until_it_runs


class Other(Trial):
    pass
'''

EXPECTED = (
    HEAD
    + '''\
from collections import Counter
from math import pi
import json as text_of
import os.path


MARK = 'here'
NAMES = {'a', 'b'}
RATES = (0.0, 0.1)


class Base:
    rates = RATES


def marked(cls):
    cls.mark = MARK
    return cls


@marked
class Trial(Base):
    """Says what it is."""

    names = NAMES

    def run(self):
        # with its comments
        helper = late()
        return text_of.dumps([pi, twice(1)]), helper, missing_until_it_runs


def late():
    return Counter(os.path.sep), Other


class Other(Trial):
    pass


twice = lambda x: 2 * x  # as it stands
'''
)


def test_a_class_is_written_down_with_what_it_uses_and_nothing_else(tmp_path):
    text = written(tmp_path, USED).removeprefix("not taken along\n")
    assert text == EXPECTED
    exec(compile(text, "model_def.py", "exec"), names := {})
    assert names["Trial"].mark == "here"


def test_the_text_is_the_same_in_every_process_and_place(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    script = USED.replace("print(", "# print(")
    texts = {written(tmp_path / name, script, PYTHONHASHSEED=seed) for name, seed in (("a", "1"), ("b", "2"))}
    assert texts == {EXPECTED}


def test_data_are_written_as_they_are_and_not_as_they_were_made(tmp_path):
    script = "units = []\nfor it in range(3):\n    units.append(it)\nclass Trial:\n    def run(self): return units\n"
    assert "units = [0, 1, 2]\n" in written(tmp_path, script)


def test_what_stands_in_a_block_or_was_renamed_is_found(tmp_path):
    script = """\
from __future__ import annotations
if True:
    try:
        import tomllib_that_is_not_there
    except ImportError:
        import json as tomllib_that_is_not_there
    class Plain:
        size = 3
Alias = Plain
class Trial(Alias):
    def run(self, of: Alias) -> None: return tomllib_that_is_not_there
"""
    text = written(tmp_path, script)
    assert text.startswith(HEAD + "from __future__ import annotations\n\nimport json as tomllib_that_is_not_there\n")
    assert "class Plain:\n    size = 3\n\n\nAlias = Plain\n\n\nclass Trial(Alias):" in text


def test_a_form_feed_above_a_class_costs_it_no_line(tmp_path):
    script = "# a page\x0c and\x85 \u2028 more\n\x0c\nclass Trial:\n    def run(self):\n        return 'last'\n"
    assert written(tmp_path, script).endswith("class Trial:\n    def run(self):\n        return 'last'\n")


def test_a_name_for_something_of_a_module_is_written_as_the_script_has_it(tmp_path):
    script = """\
import json
import os as system
paths = system.path
Reader = json.decoder.JSONDecoder
class Trial:
    def run(self): return paths, Reader
"""
    text = written(tmp_path, script)
    assert text.startswith(
        HEAD + "import json\nimport os as system\n\n\nReader = json.decoder.JSONDecoder\npaths = system.path\n"
    )


def test_of_imports_of_one_thing_the_newest_is_written(tmp_path):
    script = """\
import os.path, xml.dom
from posixpath import join
import os, xml.sax
from os.path import join
class Trial:
    def run(self): return os, xml, join
"""
    assert written(tmp_path, script).startswith(
        HEAD + "from os.path import join\nimport os\nimport os.path\nimport xml.dom\nimport xml.sax\n\n"
    )


def test_an_object_made_from_a_class_of_the_script_is_refused_as_that(tmp_path):
    script = """\
import enum
class Color(enum.Enum):
    RED = 1
color = Color.RED
class Trial:
    def run(self): return color
"""
    with pytest.raises(RuntimeError, match=r"color, which .* that the source defines: an object made from them cannot"):
        written(tmp_path, script)


def test_functions_that_stand_beside_it_are_taken_along(tmp_path):
    script = "SIZE = 3\ndef make_data_loaders(config, hparams): return SIZE\nclass Trial:\n    pass\n"
    assert "SIZE = 3\n\n\nclass Trial:\n    pass\n\n\ndef make_data_loaders" in written(tmp_path, script)
    own = "def make_data_loaders(): pass\nclass Trial:\n    def make_data_loaders(self): pass\n"
    assert "\ndef make_data_loaders(): pass" not in written(tmp_path, own)


def test_everything_that_cannot_be_written_down_is_named_at_once(tmp_path):
    script = """\
import io
stream = io.BytesIO()
exec("def made(): pass")
def uses(): return stream
class Trial:
    def run(self): return uses(), made
"""
    with pytest.raises(RuntimeError) as error:
        written(tmp_path, script)
    said = str(error.value)
    assert "Trial cannot be written down for its experiment:\n  made, which Trial uses, is a builtins.function" in said
    assert "  stream, which uses uses, is a _io.BytesIO, neither plain data (None, bool, int" in said
    assert "Make it where it is used, in a method of the trial or in a function" in said


def test_a_class_that_a_function_made_is_refused(tmp_path):
    script = "def make():\n    class Trial:\n        pass\n    return Trial\nIt = make()\n"
    with pytest.raises(RuntimeError, match=r"make.<locals>.Trial is not Trial of the script.*\n.*Define it at the top"):
        written(tmp_path, script, "It")


CELLS = [
    "import json",
    "class Base:\n    size = 3",
    "class Trial(Base):\n    def run(self): return json, LATER",
    "LATER = [1]\nfrom pedl.experiment.main_class import written_down\nprint(written_down(Trial), end='')",
    "%%time\nclass Late:\n    def run(self): pass",
    "try:\n    written_down(Late)\nexcept Exception as error:\n    print(error)",
    "class Trial:\n    def run(self): return 'anew'",
    "print(written_down(Trial), end='')",
]


def test_cells_of_a_notebook_are_found_in_the_order_of_their_definitions(tmp_path):
    nbclient = pytest.importorskip("nbclient")
    from nbformat.v4 import new_code_cell, new_notebook

    notebook = new_notebook(cells=[new_code_cell(cell) for cell in CELLS])
    client = nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3")
    client.execute(cwd=str(tmp_path), env={**os.environ, "PYTHONPATH": str(ROOT)})
    first, late, anew = ("".join(it.text for it in notebook.cells[at].outputs) for at in (3, 5, 7))
    assert first == HEAD + "import json\n\n\nLATER = [1]\n\n\n" + "\n\n\n".join(CELLS[1:3]) + "\n"
    assert "Late, which it uses, is a builtins.type whose source cannot be found." in late
    assert "in a cell that does not begin with %%" in late
    assert anew == HEAD + CELLS[6] + "\n"


TWICE = """\
try:
    import {module}
    class Sizes:
        units: int = {one}
        rate = 0.5
except ImportError:
    class Sizes:
        units = {other}
        rate = 0.5
class Trial:
    def run(self): return Sizes.units
"""


def written_here(script: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs a script as the only cell of this process's `__main__`, and returns what its `Trial` is written down as."""
    monkeypatch.setattr(linecache, "cache", {"<cell>": (len(script), None, script.splitlines(keepends=True), "<cell>")})
    monkeypatch.setitem(sys.modules, "__main__", main := ModuleType("__main__"))
    exec(compile(script, "<cell>", "exec"), vars(main))
    return written_down(main.Trial)


@pytest.mark.parametrize(("module", "units"), [("json", "units: int = 32"), ("module_of_nobody", "units = 64")])
def test_of_two_classes_of_one_name_the_one_in_use_is_written(monkeypatch, module, units):
    text = written_here(TWICE.format(module=module, one=32, other=64), monkeypatch)
    assert f"class Sizes:\n    {units}\n    rate = 0.5\n" in text


def test_two_classes_of_one_name_that_cannot_be_told_apart_are_refused(monkeypatch):
    with pytest.raises(
        TrialDefinitionError, match=r"Sizes, which Trial uses, is defined by 2 .* Name them differently"
    ):
        written_here(TWICE.format(module="json", one="2 * 32", other="8 * 8"), monkeypatch)


AT_ONCE = """\
k = object()  # no global of it is used: comprehensions have their own
def kind(k): return str
def block(n): return n
def gate(n): return n
def rank(n): return -n
def size(n): return n
def row(n): return n
def last(n): return n
def marked(kinds): return lambda cls: cls
@marked({k: kind(k) for k in "ab"})
class Trial:
    BLOCKS = {n: block(n) for n in "ab"}
    GATES = tuple(gate(n) for it in [[1]] for n in it if {size(m) for m in it})
    ORDER = sorted([1, 2], key=lambda n: rank(n))
    def listcomp(self, rows=[row(n) for n in "ab"]): return [last(n) for n in rows]
"""


def test_what_a_comprehension_uses_stands_above_what_it_is_in(monkeypatch):
    text = written_here(AT_ONCE, monkeypatch)
    exec(compile(text, "model_def.py", "exec"), names := {})
    assert names["Trial"].BLOCKS == {"a": "a", "b": "b"}
    assert names["Trial"].ORDER == [2, 1]
    assert names["Trial"]().listcomp() == ["a", "b"]
    assert text.index("class Trial") < text.index("def last")


def test_a_function_that_is_a_lambda_uses_what_it_uses_when_it_is_called(monkeypatch):
    script = """\
make = lambda: Net()
class Net: made = make
class Trial:
    def run(self): return make()
"""
    exec(compile(written_here(script, monkeypatch), "model_def.py", "exec"), {})
