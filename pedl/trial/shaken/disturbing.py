"""What must not matter, moved: each disturbance is legal, since pedl promises the same bits in spite of it.

The surroundings of this one process are changed before the trial comes to life: variables, affinity, and functions of
Python that ask the system. Where a machine lacks the means (few have a German locale, or a second clock), the function
that would ask for it answers as if there were. `held` is different: not a disturbance, but what tells a cause.
"""

from __future__ import annotations

import contextlib
import glob
import hashlib
import importlib
import locale
import os
import pathlib
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import thread as pool
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pedl.trial import start
from pedl.trial.patches import Patches
from pedl.trial.shaken.clock import set_clock

_FIRST_TASK = 50
"""How many times later than others the first task of a pool is."""

_put = Patches().replace  # never taken back: the process is the trial's alone


def disturb(wanted: dict[str, Any]) -> None:
    """Changes the surroundings of this process, which must not have met user code yet.

    Args:
      wanted: name -> argument, of `DISTURBANCES`.
    """
    for name, argument in wanted.items():
        DISTURBANCES[name](argument)


def _variables(values: dict[str, str]) -> None:
    os.environ.update(values)
    time.tzset()
    tempfile.tempdir = None


def _directory(path: str) -> None:
    os.environ["OLDPWD"], os.environ["PWD"] = str(Path.cwd()), path
    os.chdir(path)


def _cores(count: int) -> None:
    """Leaves this process `count` cores, and says that there are no more."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    for name in ("cpu_count", "process_cpu_count"):
        if hasattr(os, name):
            _put(os, name, lambda: count)


class _Reversed:
    """What `os.scandir` returns, the other way round."""

    def __init__(self, entries: Any) -> None:
        with entries:
            self._entries = iter(list(entries)[::-1])

    def __iter__(self) -> Iterator[Any]:
        return self._entries

    def __next__(self) -> Any:
        return next(self._entries)

    def __enter__(self) -> _Reversed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _listings(_: bool) -> None:
    """Lets directories be listed the other way round. Their order is the file system's, and no copy keeps it."""
    listdir, scandir = os.listdir, os.scandir
    replacing = {
        "listdir": lambda *args, **kwargs: listdir(*args, **kwargs)[::-1],
        "scandir": lambda *args, **kwargs: _Reversed(scandir(*args, **kwargs)),
    }
    # Where pathlib has taken these functions before: Python 3.10, and 3.13.
    takers = [getattr(pathlib, "_NormalAccessor", None), *vars(glob).values()]
    for owner in (os, *(it for it in takers if isinstance(it, type))):
        for name, function in replacing.items():
            if hasattr(owner, name):
                _put(owner, name, staticmethod(function) if isinstance(owner, type) else function)
    gfile = tf.io.gfile.listdir
    _put(tf.io.gfile, "listdir", lambda path: gfile(path)[::-1])


def _locale(name: str) -> None:
    """Speaks German: sorts without regard to case and writes a decimal comma, once the locale is asked for."""
    os.environ.update({"LC_ALL": name, "LANG": name})
    asked: list[str] = []
    setlocale, localeconv, strxfrm = locale.setlocale, locale.localeconv, locale.strxfrm

    def setting(category: int, wanted: Any = None) -> str:
        if wanted != "":
            return setlocale(category, wanted)
        asked.append(name)
        with contextlib.suppress(locale.Error):  # most machines have not installed it
            setlocale(category, wanted)
        return name

    def key(text: str) -> str:
        return f"{text.casefold()}\0{text}" if asked else strxfrm(text)

    def compared(one: str, other: str) -> int:
        return (key(one) > key(other)) - (key(one) < key(other))

    commas = {"decimal_point": ",", "thousands_sep": ".", "grouping": [3, 3, 0]}
    _put(locale, "setlocale", setting)
    _put(locale, "strxfrm", key)
    _put(locale, "strcoll", compared)
    _put(locale, "localeconv", lambda: {**localeconv(), **(commas if asked else {})})


def _threads(delay_s: float) -> None:
    """Lets Python's threads take turns at other moments: each second task of a pool is late, switches are frequent.

    The first task is so late that others, though slower, end before it.
    """
    sys.setswitchinterval(1e-5)
    run, counted, lock = pool._WorkItem.run, [0], threading.Lock()

    def late(item: Any) -> None:
        with lock:
            counted[0] += 1
            wait = _FIRST_TASK if counted[0] == 1 else counted[0] % 2
        time.sleep(delay_s * wait)
        run(item)

    _put(pool._WorkItem, "run", late)


def _draws(count: int) -> None:
    """Lets something draw from the running streams before the model definition does."""
    seed = vars(start)["seed_everything"]

    def seed_and_draw(*arguments: Any, **named: Any) -> None:
        seed(*arguments, **named)
        for _ in range(count):
            random.random()
            np.random.random()
            keras.random.uniform(())

    # Keras's global generator creates TensorFlow's context when it draws: pools must be in force before, as they are.
    _put(start, "seed_everything", seed_and_draw)


def _held(sources: Sequence[str]) -> None:
    """Makes what differs from process to process the same: "entropy", "clock", "process"."""
    if "clock" in sources:
        set_clock(None)
    if "process" in sources:
        _put(os, "getpid", lambda: 4242)
    if "entropy" in sources:
        _hold_entropy()


def _hold_entropy() -> None:
    counted = [0]

    def bytes_of(size: int, *_: Any) -> bytes:
        counted[0] += 1
        return hashlib.shake_128(str(counted[0]).encode()).digest(size)

    python, numpy = random.Random, importlib.import_module("numpy.random.bit_generator")
    seed = python.seed

    def seeding(generator: random.Random, a: Any = None, version: int = 2) -> None:
        seed(generator, bytes_of(16) if a is None else a, version)

    _put(python, "seed", seeding)
    _put(random, "seed", vars(random)["_inst"].seed)
    for module, name in ((os, "urandom"), (os, "getrandom"), (random, "_urandom")):
        _put(module, name, bytes_of)
    _put(numpy, "randbits", lambda count: int.from_bytes(bytes_of(-(-count // 8)), "little") & ((1 << count) - 1))


DISTURBANCES: dict[str, Callable[[Any], None]] = {
    "variables": _variables,
    "directory": _directory,
    "cores": _cores,
    "listings": _listings,
    "locale": _locale,
    "threads": _threads,
    "clock": set_clock,
    "draws": _draws,
    "held": _held,
}
"""name -> what does it, given: variables, a directory, cores, True, a name, seconds, seconds, a number, sources."""
