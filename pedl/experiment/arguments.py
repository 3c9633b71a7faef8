"""What people hand over from Python, looked at before anything is done with it.

What cannot be meant is told with what came, what was expected, and the call that would do; the command line refuses
the same by the types of its arguments.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import index
from pathlib import Path
from typing import Any

from pedl.config import ExperimentConfig
from pedl.errors import InputError
from pedl.store.definition import exchanged


def whole_number(name: str, found: Any, call: str, also: str = "") -> int:
    """Returns a number of at least 1 that was handed over as `name`; those of NumPy and pandas are numbers, too.

    Args:
      call: what to write instead, with `{}` for the number.
      also: what else is allowed, for the message.

    Raises:
      InputError: if it is none.
    """
    try:
        number = 0 if isinstance(found, bool) else index(found)
    except TypeError:
        number = 0
    if number < 1:
        expected = f"{name}: found {found!r}, expected a whole number of at least 1{also}."
        raise InputError(f"{expected}\nWrite: {call.format(_meant(found))}")
    return number


def trial_numbers(trials: Any) -> list[int] | None:
    """Returns the numbers of the trials that are to be verified; None: all.

    Raises:
      InputError: if it is no list, or something in it is no number.
    """
    call = "verify(trials=[{}])"
    if trials is None:
        return None
    if isinstance(trials, str | type) or not isinstance(trials, Iterable):
        raise InputError(f"trials: found {trials!r}, expected a list of numbers.\nWrite: {call.format(_meant(trials))}")
    return [whole_number("trials", it, call) for it in trials]


def check_inputs(config: Any, model_definition: Any) -> None:
    """Looks at the two things that an experiment is made of.

    Raises:
      InputError: if they are exchanged, or one of them is of a kind that it cannot be.
    """
    paths = isinstance(config, str | Path) and isinstance(model_definition, str | Path)
    if (
        isinstance(config, type)
        or isinstance(model_definition, dict | ExperimentConfig)
        or (paths and exchanged(Path(config), Path(model_definition)))
    ):
        first = "config" if isinstance(model_definition, type) else _named(model_definition)
        raise InputError(
            f"{_named(config)} came first, and {_named(model_definition)} second; expected the configuration first, "
            f"then the model definition.\nWrite: create_experiment({first}, {_named(config)})"
        )
    if not isinstance(config, dict | ExperimentConfig | str | Path):
        raise InputError(
            f"config: found {config!r}, expected a configuration: a dict, or the path of a YAML file.\n"
            f"Write: create_experiment('random.yaml', {_named(model_definition)})"
        )
    if not isinstance(model_definition, str | Path | type):
        raise InputError(
            f"model_definition: found {model_definition!r}, expected a directory, a .py file, or a trial class.\n"
            f"Write: create_experiment({_named(config)}, 'model_def.py')"
        )


def _named(given: Any) -> str:
    """Returns what is written for an argument in a call."""
    if isinstance(given, type):
        return given.__name__
    return repr(str(given)) if isinstance(given, str | Path) else "config"


def _meant(found: Any) -> int:
    """Returns the number to show in the place of what is none: its own, if it has one."""
    text = str(found)
    return int(text) if text.isdecimal() and 0 < len(text) < 19 and int(text) > 0 else 1
