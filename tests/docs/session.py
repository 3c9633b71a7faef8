"""One page, run as a reader would from top to bottom, in a directory of its own; see README.md."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from tests.docs.pages import ROOT, Block

DIGITS = ROOT / "examples" / "mnist" / "mnist_10k.npz"
FEW = 256

NOTHING = "#!/bin/sh\nexit 0\n"
PYTHON = """\
#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then mkdir -p "$3/bin" && : > "$3/bin/activate"; else exec {python} "$@"; fi
"""


class Session:
    """A directory with a copy of `examples/`, commands in it, and all that they printed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "clone"
        self.printed: list[str] = []
        self.last_output = ""
        self._tools = directory / "tools"
        self._tools.mkdir()
        python = shlex.quote(sys.executable)
        self._tool("pedl", f'#!/bin/sh\nexec {python} -m pedl "$@"\n')
        self._tool("python3", PYTHON.format(python=python))
        for name in ("git", "pip", "pytest"):
            self._tool(name, NOTHING)
        shutil.copytree(ROOT / "examples", self.directory / "examples", ignore=shutil.ignore_patterns(DIGITS.name))
        fewer_digits(self.directory / "examples" / "mnist" / DIGITS.name)
        for path in self.directory.rglob("*.yaml"):
            path.write_text(shortened(path.read_text(), path.name))

    def run(self, block: Block) -> None:
        """Does what is to be done with a block; see README.md."""
        if block.file:
            target = self.directory / block.file
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(shortened(block.text, target.name))
        elif block.language == "sh":
            for line in block.text.splitlines():
                self._command(line)
        elif block.language == "text":
            self._compare_text(block)
        elif block.language == "json":
            compare_keys(json.loads(block.text), json.loads(self.last_output), "the document")

    def _command(self, line: str) -> None:
        said = re.search(r"# exit code (\d+)", line)
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PEDL_")} | {
            "PATH": f"{self._tools}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HOME": str(self._tools.parent),
        }
        done = subprocess.run(["bash", "-c", line], cwd=self.directory, env=environment, capture_output=True, text=True)
        self.last_output = done.stdout
        self.printed += [shape(text) for text in (done.stdout + "\n" + done.stderr).splitlines()]
        expected = int(said[1]) if said else 0
        assert done.returncode == expected, f"{line}\nexit code {done.returncode}\n{done.stdout}\n{done.stderr}"

    def _compare_text(self, block: Block) -> None:
        for line in block.text.splitlines():
            if line.strip() not in ("", "..."):
                assert shape(line) in self.printed, (
                    f"line {line!r} has the shape {shape(line)!r}, which nothing printed has:\n"
                    + "\n".join(self.printed)
                )

    def _tool(self, name: str, text: str) -> None:
        (self._tools / name).write_text(text)
        (self._tools / name).chmod(0o755)


def fewer_digits(path: Path) -> None:
    """Writes the first digits of the example's, of each part: no page is about how many there are."""
    with np.load(DIGITS) as data:
        np.savez(path, **{name: data[name][:FEW] for name in data})


def shape(line: str) -> str:
    """Returns a line with placeholders for numbers, hashes and the width of columns."""
    line = re.sub(r"\b\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)?", "TIME", line)
    line = re.sub(r"\b[0-9a-f]{8}-[0-9a-f-]{27}\b|\b[0-9a-f]{16,}\b", "HASH", line)
    line = re.sub(r"(?<![A-Za-z_])-?\d[\d,]*(\.\d+)?(e-?\d+)?", "N", line)
    return re.sub(r"\s+", " ", line).strip()


def shortened(text: str, name: str) -> str:
    """Returns an experiment configuration as two trials of two steps of one batch; other files as they are.

    A grid keeps the values of its first hyperparameter that has several.
    """
    if not name.endswith(".yaml"):
        return text
    yaml = YAML()
    config = yaml.load(text)
    if not isinstance(config.get("searcher"), dict):
        return text
    searcher = config["searcher"]
    for field in ("max_steps", "max_trials"):
        if isinstance(searcher.get(field), int):
            searcher[field] = min(2, searcher[field])
    counted = [it for it in (config.get("hyperparameters") or {}).values() if isinstance(it, dict) and "count" in it]
    for entry in counted[1:]:
        entry["count"] = 1
    config["batches_per_step"] = 1
    if "min_validation_period" in config:
        config["min_validation_period"] = 1
    written = StringIO()
    yaml.dump(config, written)
    return written.getvalue()


def compare_keys(shown: Any, real: Any, where: str) -> None:
    """Compares the keys of a document in a page with those of a real one, lists by their first entries."""
    if isinstance(shown, dict) and shown:
        assert isinstance(real, dict), f"{where}: the page has a mapping, the command printed {real!r}"
        assert list(shown) == list(real), f"{where}: the page has {list(shown)}, the command printed {list(real)}"
        for name, value in shown.items():
            compare_keys(value, real[name], f"{where}.{name}")
    elif isinstance(shown, list) and shown:
        assert isinstance(real, list) and real, f"{where}: the page has a list, the command printed {real!r}"
        compare_keys(shown[0], real[0], f"{where}[0]")
    elif shown not in ("...", {}, []) and real is not None:
        assert type(shown) is type(real), f"{where}: the page has {shown!r}, the command printed {real!r}"
