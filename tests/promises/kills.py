"""Kills an experiment's processes with -9 at random moments, or stops or interrupts them, and activates it until it is
over.
"""

from __future__ import annotations

import contextlib
import random
import signal
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.executor.living import MARK, assert_nobody_stays
from tests.promises.commands import ROOT, command, environment
from tests.promises.survived import Survived

VICTIMS = {"worker": 7, "server": 1, "master": 1, "everything": 1}
"""Who is killed, and how many times in ten."""

DISTURBED = {**VICTIMS, "stopped": 1, "interrupted": 1}
"""Besides, a worker that gets SIGSTOP, and a master that gets SIGINT."""

SIGNALS = {"stopped": signal.SIGSTOP, "interrupted": signal.SIGINT}

INTERRUPTED = 130
"""The exit code of a master that was interrupted, and has paused the experiment."""

_GOES_ON = (-signal.SIGKILL, INTERRUPTED, -signal.SIGINT)
"""After these the experiment is activated again; the last: before or after anything could be paused."""

_AT_ITS_BIRTH = "Fatal Python error: init_import_site"
"""What Python says, and ends with 1, if it is interrupted while it is not yet able to run anything."""


def activate(home: Path, workers: int) -> list[str]:
    return command(home, "experiment", "activate", "1", "--workers", str(workers))


@dataclass
class Killer:
    """Runs `pedl experiment activate` again and again, and kills in between.

    Args:
      seed: of the order of victims and of the pauses between kills; what a pause meets is up to the clock.
      pauses_s: the shortest and the longest pause.
      pauses_steps: if given, most pauses last until so many more steps were recorded: on a slow machine, too, the kills
        are then spread over the experiment. One in five is still a time, to meet what comes before a first step.

    Attributes:
      kills: how many of each kind of victim were met.
      victims: who is killed, and how many times among the sum.
      variables: of the command's environment.
      command: home, workers -> the words of the command that goes on with experiment 1.
    """

    seed: int
    pauses_s: tuple[float, float] = (0.05, 1.3)
    pauses_steps: tuple[int, int] | None = None
    kills: Counter[str] = field(default_factory=Counter)
    victims: dict[str, int] = field(default_factory=lambda: VICTIMS)
    variables: dict[str, str] = field(default_factory=dict)
    command: Callable[[Path, int], list[str]] = activate

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._next: list[str] = []

    def run_to_the_end(self, home: Path, mark: str, at_most: int, workers: int) -> None:
        """Activates experiment 1 until it is over, killing `at_most` times; whoever remains then is found."""
        left = at_most
        while True:
            master = subprocess.Popen(
                self.command(home, workers),
                env=environment({MARK: mark, **self.variables}),
                cwd=ROOT,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            left -= self._disturb(master, left, home)
            _, said = master.communicate()
            assert_nobody_stays(mark)
            if master.returncode not in _GOES_ON and _AT_ITS_BIRTH not in said:
                assert master.returncode == 0, said
                return

    def survived(self) -> Survived:
        """Returns what was done so far; the caller adds what became of it."""
        others = Counter({f"processes {name}": self.kills[name] for name in SIGNALS if self.kills[name]})
        return Survived(kills=Counter({name: self.kills[name] for name in VICTIMS if self.kills[name]}), others=others)

    def _disturb(self, master: subprocess.Popen[str], at_most: int, home: Path) -> int:
        """Kills until the master has ended or `at_most` victims are dead; returns how many died."""
        died = 0
        while died < at_most and not self._has_ended_in_a_pause(master, home):
            victim = self._next_victim()
            chosen = self._find(victim, master)
            while not chosen and not _has_ended(master, within_s=0.05):
                chosen = self._find(victim, master)
            for process in chosen:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(SIGNALS.get(victim, signal.SIGKILL))
            self.kills[victim] += bool(chosen)
            died += bool(chosen)
        return died

    def _has_ended_in_a_pause(self, master: subprocess.Popen[str], home: Path) -> bool:
        if self.pauses_steps is None or self._random.random() < 0.2:
            return _has_ended(master, within_s=self._random.uniform(*self.pauses_s))
        enough = _steps(home) + self._random.randint(*self.pauses_steps)
        while _steps(home) < enough and not _has_ended(master, within_s=0.02):
            pass
        return _has_ended(master, within_s=self._random.uniform(0, 0.2))

    def _next_victim(self) -> str:
        if not self._next:
            self._next = [name for name, times in self.victims.items() for _ in range(times)]
            self._random.shuffle(self._next)
        return self._next.pop()

    def _find(self, victim: str, master: subprocess.Popen[str]) -> list[psutil.Process]:
        family = psutil.Process(master.pid)
        servers = family.children()
        workers = [worker for server in servers for worker in _children(server)]
        return {
            "worker": self._random.sample(workers, min(1, len(workers))),
            "stopped": self._random.sample(workers, min(1, len(workers))),
            "server": servers,
            "master": [family],
            "interrupted": [family],
            "everything": [family, *servers, *workers],
        }[victim]


def _steps(home: Path) -> int:
    """Returns how many steps are recorded; read as any program could, since it is read often."""
    with contextlib.closing(sqlite3.connect(f"{(home / 'pedl.db').as_uri()}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM events WHERE kind = 'step'").fetchone()[0])


def _has_ended(master: subprocess.Popen[str], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline and master.poll() is None:
        time.sleep(0.01)
    return master.poll() is not None


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children()
    return []
