"""A clock that can be set: `time` and `datetime` tell another time, or stand still, and say who asked.

Python's own functions are replaced, before the model definition is imported. Not reached are names that were taken
before, so that TensorFlow's and pedl's own waiting goes on, and what asks the system in C, such as `tf.timestamp` and
`np.datetime64("now")`.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable
from typing import Any

READINGS = ("time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")

_STEP_NS = 1_000_000
"""What a clock that stands still moves with each look at it: whoever waits for a time gets there."""

_FIRST_NS = 1_700_000_000 * 10**9

_ns = {name: getattr(time, name if name.endswith("_ns") else f"{name}_ns") for name in READINGS}


def set_clock(shift_s: int | None) -> None:
    """Makes the clocks of this process tell a time that is `shift_s` seconds away; None: let them stand still."""
    for name in READINGS:
        setattr(time, name, _Reading(name, shift_s))
    if shift_s is not None:
        for name in READINGS[2:]:  # how long something took is no matter of the date
            setattr(time, name, _Reading(name, 0))
    for name in ("localtime", "gmtime", "ctime"):
        setattr(time, name, _now_by_default(getattr(time, name), 0, time.time))
    for name, place in (("asctime", 0), ("strftime", 1)):
        setattr(time, name, _now_by_default(getattr(time, name), place, time.localtime))
    replace_dates(lambda call: None)


class _Reading:
    """One of the functions of `time`. Of a class, and not a function, which would become a method where it is kept."""

    def __init__(self, name: str, shift_s: int | None) -> None:
        self.__name__ = name
        self._read = _ns[name]
        self._shift_ns = None if shift_s is None else shift_s * 10**9
        self._looks = 0

    def __call__(self) -> float | int:
        if self._shift_ns is None:
            self._looks += 1
            now: int = _FIRST_NS + self._looks * _STEP_NS
        else:
            now = self._read() + self._shift_ns
        return now if self.__name__.endswith("_ns") else now / 1e9


def _now_by_default(function: Callable[..., Any], place: int, now: Callable[[], Any]) -> Callable[..., Any]:
    def told(*args: Any) -> Any:
        given = args if len(args) > place and args[place] is not None else (*args[:place], now())
        return function(*given)

    told.__name__ = function.__name__
    return told


def replace_dates(told: Callable[[str], None]) -> None:
    """Lets `datetime.datetime` and `datetime.date` ask `time.time`, and tell who is asked: "datetime.now"."""

    class Datetime(datetime.datetime, metaclass=_OneOf):
        stands_for = datetime.datetime

        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Any:
            told("datetime.now")
            return cls.fromtimestamp(time.time(), tz)

        @classmethod
        def today(cls) -> Any:
            told("datetime.today")
            return cls.fromtimestamp(time.time())

        @classmethod
        def utcnow(cls) -> Any:
            told("datetime.utcnow")
            return cls.fromtimestamp(time.time(), datetime.timezone.utc).replace(tzinfo=None)

    class Date(datetime.date, metaclass=_OneOf):
        stands_for = datetime.date

        @classmethod
        def today(cls) -> Any:
            told("date.today")
            return cls.fromtimestamp(time.time())

    for name, stand_in in (("datetime", Datetime), ("date", Date)):
        stand_in.__name__ = stand_in.__qualname__ = name
        stand_in.__module__ = "datetime"
        setattr(datetime, name, stand_in)


class _OneOf(type):
    """The class of classes that stand in for `datetime`'s: what is an instance of those is one of these."""

    def __instancecheck__(cls, instance: Any) -> bool:
        real = vars(cls).get("stands_for")
        return type.__instancecheck__(cls, instance) if real is None else isinstance(instance, real)

    def __subclasscheck__(cls, subclass: type) -> bool:
        real = vars(cls).get("stands_for")
        return type.__subclasscheck__(cls, subclass) if real is None else issubclass(subclass, real)
