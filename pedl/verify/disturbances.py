"""The legal disturbances: what pedl promises that no bit depends on, in the words that people are told."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pedl.verify.short_runs import Surroundings


@dataclass(frozen=True)
class Disturbance:
    """One of them.

    Attributes:
      name: short, as reports print it.
      what: what is different, for people.
      surroundings: for `ShortRuns`.
      busy: whether the machine is kept busy meanwhile.
      moved_definition: whether the model definition lies in another directory.
      after_another: whether another trial trains first, in the same working directory.
      held: how pedl keeps training from ever meeting it; "" if training does.
    """

    name: str
    what: str
    surroundings: Surroundings
    busy: bool = False
    moved_definition: bool = False
    after_another: bool = False
    held: str = ""


def nothing(_: str) -> Disturbance:
    """Only time has passed. It is not watched either, which shows that watching moves no bit."""
    return Disturbance("nothing", "a second run, another process later", Surroundings(watch=False))


def hash_seed(_: str) -> Disturbance:
    return Disturbance(
        "hash seed",
        "PYTHONHASHSEED is 12345: sets of texts have another order",
        Surroundings(hash_seed=12345),
        held="PYTHONHASHSEED is 0 in every training process",
    )


def listings(_: str) -> Disturbance:
    return Disturbance(
        "directory order", "directories are listed the other way round", Surroundings({"listings": True})
    )


def place(elsewhere: str) -> Disturbance:
    return Disturbance(
        "place",
        "another working directory of the command, and another one of the model definition's copy",
        Surroundings({"directory": elsewhere, "variables": {"TMPDIR": elsewhere}}),
        moved_definition=True,
    )


def cores(_: str) -> Disturbance:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    count = 1 if max(usable, os.cpu_count() or 1) > 1 else 2
    # One core cannot be made two: the process is only told so.
    what = f"{count} instead of {usable}" + (", in what os.cpu_count() says alone" if count > usable else "")
    return Disturbance("cores", what, Surroundings({"cores": count}))


def load(_: str) -> Disturbance:
    return Disturbance(
        "load", "busy cores; threads take turns at other moments", Surroundings({"threads": 0.02}), busy=True
    )


def clock(_: str) -> Disturbance:
    return Disturbance(
        "clock", "the date is 463 days, 5 hours and 7 seconds later", Surroundings({"clock": 463 * 86400 + 18007})
    )


def locale(_: str) -> Disturbance:
    name = "de_DE.UTF-8" if os.environ.get("LC_ALL", os.environ.get("LANG")) != "de_DE.UTF-8" else "sv_SE.UTF-8"
    return Disturbance("locale", f"LC_ALL is {name}", Surroundings({"locale": name}))


def time_zone(_: str) -> Disturbance:
    name = "Asia/Kathmandu" if os.environ.get("TZ") != "Asia/Kathmandu" else "America/Halifax"
    # The rule is spelled out too, as a machine may have no names of zones.
    rule = "<+0545>-5:45" if name == "Asia/Kathmandu" else "AST4ADT"
    return Disturbance("time zone", f"TZ is that of {name}", Surroundings({"variables": {"TZ": rule}}))


def another_trial(_: str) -> Disturbance:
    return Disturbance(
        "another trial",
        "one with another seed has trained before, in the same place",
        Surroundings(),
        after_another=True,
    )


def resumed(_: str) -> Disturbance:
    return Disturbance("resumed", "half of it in one process, the rest in another", Surroundings(resumed=True))


Maker = Callable[[str], Disturbance]
"""Makes a disturbance, given an empty directory elsewhere."""

SHAKEN: tuple[Maker, ...] = (
    listings,
    place,
    cores,
    load,
    clock,
    locale,
    time_zone,
    another_trial,
    resumed,
    hash_seed,
)
"""What a shaken model definition goes through, after `nothing`."""

EVERYWHERE: tuple[Maker, ...] = (hash_seed, listings, place, cores, load, clock, locale, time_zone)
"""Those that one process can have all at once."""


def together(every: Iterable[Disturbance]) -> Surroundings:
    """Returns surroundings that have all of them."""
    disturb: dict[str, Any] = {}
    hash_seeds = [0]
    for it in every:
        hash_seeds.append(it.surroundings.hash_seed)
        for name, argument in it.surroundings.disturb.items():
            both = isinstance(argument, dict) and name in disturb
            disturb[name] = {**disturb[name], **argument} if both else argument
    return Surroundings(disturb, max(hash_seeds))
