"""The values that fields are made of. Each says, beside its check, what it expects, in words for the user.

Everything is strict: "5" and 5.0 are no whole numbers, 1 and "yes" are no booleans, and NaN and infinities are
nowhere accepted, since JSON, in which configurations are stored, cannot hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, WrapValidator
from pydantic_core import PydanticCustomError

from pedl.near import nearest
from pedl.seeds import SEED_MAX


class Section(BaseModel):
    """A mapping of the configuration with fixed names. Frozen; unknown names are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def refused(expected: str, remedy: str = "") -> PydanticCustomError:
    """Returns the one error that our validators raise. The message reads: found X, expected `expected``remedy`."""
    return PydanticCustomError("refused", "{expected}{remedy}", {"expected": expected, "remedy": remedy})


def expects(expected: str, *choices: str) -> WrapValidator:
    """Returns a validator that says `expected`, whichever check of the value failed; `choices` may be suggested."""

    def check(value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError:
            remedy = nearest(value, choices) if isinstance(value, str) else ""
            raise refused(expected, remedy) from None

    return WrapValidator(check)


def _require(holds: Callable[[str], bool]) -> AfterValidator:
    def check(value: str) -> str:
        if not holds(value):
            raise ValueError(value)
        return value

    return AfterValidator(check)


def is_entrypoint(text: str) -> bool:
    """True for "module:Name", where the module may be dotted and is not a file's name."""
    module, colon, name = text.partition(":")
    return bool(colon) and name.isidentifier() and _is_module(module)


def _is_module(text: str) -> bool:
    return all(part.isidentifier() for part in text.split(".")) and not text.endswith(".py")


def is_storage_url(text: str) -> bool:
    """True for a directory, or a URL "scheme://path" whose scheme fsspec knows. Nothing is looked up or opened."""
    from fsspec.registry import known_implementations

    scheme, separator, place = text.partition("://")
    if not separator:
        return bool(text.strip()) and "\0" not in text
    return bool(place) and all(part in known_implementations for part in scheme.split("::"))


Count = Annotated[int, Field(ge=1), expects("a whole number of at least 1")]
CountFromZero = Annotated[int, Field(ge=0), expects("a whole number of at least 0")]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63), expects("a whole number of at most 63 bits")]
Number = Annotated[float, expects("a finite number")]
Switch = Annotated[bool, expects("true or false")]
Text = Annotated[str, expects("a text")]
FilledText = Annotated[str, Field(min_length=1), expects("a text that is not empty")]
TrialName = Annotated[
    str, Field(pattern=r"^[1-9]\d*/[1-9]\d*$"), expects('a trial as "experiment/trial", for example "3/12"')
]
Seed = Annotated[int, Field(ge=0, le=SEED_MAX), expects(f"a whole number in 0 .. {SEED_MAX} (2**31 - 1)")]
Entrypoint = Annotated[
    str, _require(is_entrypoint), expects('"module:Name" without ".py", for example "model_def:MNistTrial"')
]
StorageUrl = Annotated[
    str, _require(is_storage_url), expects('a directory or an fsspec URL, for example "s3://bucket/checkpoints"')
]
