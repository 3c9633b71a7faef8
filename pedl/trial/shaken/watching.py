"""Notes what the user's code asks the world: entropy, clock, directories, network, machine; with file and line.

Functions of Python that ask are replaced by ones that note who called and hand the call on; where the interpreter tells
of a call itself (audit events), that is listened to. Nothing that is asked gets another answer. A call counts as the
user's if the nearest frame that is not a plain library's lies in the model definition, or, in a thread that began
without such a frame, the line that started the thread.
"""

from __future__ import annotations

import functools
import importlib
import os
import random
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from pedl.trial.patches import Patches
from pedl.trial.shaken.clock import READINGS, replace_dates

Met = dict[str, Any]
"""{"kind", "call", "file", "line"}: the file relative to the definition's directory, the kind as in CALLS or EVENTS."""

CALLS = {
    "entropy": ("os.urandom", "os.getrandom", "random._urandom", "uuid.uuid1", "uuid.uuid4"),
    "clock": tuple(f"time.{name}" for name in (*READINGS, "localtime", "gmtime", "ctime", "asctime", "strftime")),
    "machine": (
        *("os.cpu_count", "os.process_cpu_count", "os.sched_getaffinity", "os.getloadavg", "os.getpid", "os.getppid"),
        *("os.uname", "platform.node", "getpass.getuser"),
    ),
    "place": ("os.getcwd", "os.getcwdb"),
    "locale": ("locale.setlocale", "locale.getlocale", "locale.getdefaultlocale", "locale.getpreferredencoding"),
    "listing": ("tensorflow.io.gfile.listdir", "tensorflow.io.gfile.glob"),
}
"""Functions by what they ask for; those that are not there in this version of Python are left out."""

EVENTS = {
    "os.listdir": "listing",
    "os.scandir": "listing",
    "socket.connect": "network",
    "socket.getaddrinfo": "network",
    "socket.gethostbyname": "network",
    "socket.gethostname": "machine",
    "open": "file",
}
"""The interpreter's audit events that are listened to; of "open", only files written into the working directory."""

_SHOWN = {"random._urandom": "secrets or random.SystemRandom"}

_OPAQUE = ("keras", "tensorflow", "importlib", "logging", "tempfile", "warnings", "_pytest")
"""What these ask is not asked by who called them: a message of the log has a time."""

_DIRECTLY = ("clock", "place")
"""Kinds that the standard library asks for purposes of its own, such as to wait."""

_put = Patches().replace  # never taken back: the process is the trial's alone

_VARIABLES = ("HOME", "HOSTNAME", "LANG", "LOGNAME", "OLDPWD", "PWD", "TMPDIR", "TZ", "USER")

_WRITES = os.O_WRONLY | os.O_RDWR


class Watch:
    """Notes, from `set()` to the end of the process, what the code of a model definition asks.

    Args:
      definition: a directory, or one file.
    """

    def __init__(self, definition: Path) -> None:
        root = definition if definition.is_dir() else definition.parent
        self._root = os.path.realpath(root) + os.sep
        self._met: dict[tuple[str, str, int], str] = {}
        self._local = functools.lru_cache(maxsize=4096)(self._local_name)

    def met(self) -> list[Met]:
        """Returns what was noted so far, by file and line, the first call of a kind in each."""
        found = sorted(self._met.items(), key=lambda entry: (entry[0][1], entry[0][2], entry[0][0]))
        return [{"kind": kind, "call": call, "file": file, "line": line} for (kind, file, line), call in found]

    def set(self) -> None:
        """Begins. A process can have one watch, and keeps it."""
        for kind, names in CALLS.items():
            for name in names:
                module_name, _, attribute = name.rpartition(".")
                module = importlib.import_module(module_name)
                if hasattr(module, attribute):
                    self._replace(module, attribute, kind, _SHOWN.get(name, name.replace("tensorflow.", "tf.")))
        self._watch_generators()
        self._watch_dates()
        self._watch_variables()
        self._watch_threads()
        sys.addaudithook(self._hear)

    def note(self, kind: str, call: str, frame: FrameType | None) -> None:
        """Notes a call, if it is the user's."""
        where = self._where(frame, kind in _DIRECTLY)
        if where is not None:
            self._met.setdefault((kind, *where), call)

    def _replace(self, owner: Any, name: str, kind: str, call: str) -> None:
        _put(owner, name, _Noting(self, getattr(owner, name), kind, call))

    def _watch_generators(self) -> None:
        """Those without a seed. pedl gives one to what the model definition creates; here are the others."""
        bits: Any = importlib.import_module("numpy.random.bit_generator")
        # Called when a generator of NumPy's is made, or seeded again, without a seed; from C, without a frame.
        self._replace(bits, "randbits", "generator", "a generator of NumPy without a seed")
        init, seed, watch = random.Random.__init__, random.seed, self

        def noting_init(generator: random.Random, x: Any = None) -> None:
            if x is None:
                call = "random.SystemRandom" if isinstance(generator, random.SystemRandom) else "random.Random()"
                watch.note("generator", call, sys._getframe(1))
            init(generator, x)

        def noting_seed(a: Any = None, version: int = 2) -> None:
            if a is None:
                watch.note("generator", "random.seed()", sys._getframe(1))
            seed(a, version)

        _put(random.Random, "__init__", noting_init)
        _put(random, "seed", noting_seed)

    def _watch_dates(self) -> None:
        replace_dates(lambda call: self.note("clock", call, sys._getframe(2)))

    def _watch_variables(self) -> None:
        environment: Any = type(os.environ)
        get, watch = environment.__getitem__, self

        def noting_get(variables: Any, name: str) -> str:
            if name in _VARIABLES or name.startswith("LC_"):
                watch.note("place", f"os.environ[{name!r}]", _outside(sys._getframe(1), "os", "collections.abc"))
            return str(get(variables, name))

        _put(environment, "__getitem__", noting_get)

    def _watch_threads(self) -> None:
        start, watch = threading.Thread.start, self

        def noting_start(thread: threading.Thread) -> None:
            thread._pedl_started_by = watch._where(sys._getframe(1), False)  # type: ignore[attr-defined]
            start(thread)

        _put(threading.Thread, "start", noting_start)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        kind = EVENTS.get(event)
        if kind is None or (kind == "file" and not self._is_written_here(arguments)):
            return
        call = f"a file is written: {arguments[0]}" if kind == "file" else event
        self.note(kind, call, sys._getframe(1))

    def _is_written_here(self, arguments: tuple[Any, ...]) -> bool:
        path, _, flags = arguments
        if not isinstance(flags, int) or not flags & _WRITES or not isinstance(path, str | bytes | os.PathLike):
            return False
        return os.path.realpath(os.fsdecode(path)).startswith(self._root)

    def _where(self, frame: FrameType | None, directly: bool) -> tuple[str, int] | None:
        """Returns the file and line of the user's that a call comes from, or None if it is not the user's."""
        while frame is not None:
            local = self._local(frame.f_code.co_filename)
            if local is not None:
                return local, frame.f_lineno
            package = str(frame.f_globals.get("__name__", "")).partition(".")[0]
            ours = frame.f_globals.get("__name__") in _OURS
            if package in _OPAQUE or (package == "pedl" and not ours):
                return None
            if directly and package in sys.stdlib_module_names:
                return None
            frame = frame.f_back
        started_by = getattr(threading.current_thread(), "_pedl_started_by", None)
        return None if directly else started_by

    def _local_name(self, file: str) -> str | None:
        real = os.path.realpath(file) if Path(file).is_absolute() else ""
        if not real.startswith(self._root):
            return None
        local = real[len(self._root) :]
        return None if "site-packages" in Path(local).parts else local


_OURS = (
    __name__,
    *(f"pedl.trial.{module}" for module in ("shaken.clock", "shaken.disturbing", "tracked", "tripwire")),
)
"""Modules of pedl that stand between a caller and what it calls."""


class _Noting:
    """A function that notes its caller. An object, and not a function: that would become a method where it is kept."""

    def __init__(self, watch: Watch, function: Any, kind: str, call: str) -> None:
        functools.update_wrapper(self, function)
        self._watch, self._function, self._kind, self._call = watch, function, kind, call

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self._watch.note(self._kind, self._call, sys._getframe(1))
        return self._function(*args, **kwargs)


def _outside(frame: FrameType | None, *modules: str) -> FrameType | None:
    while frame is not None and frame.f_globals.get("__name__") in modules:
        frame = frame.f_back
    return frame
