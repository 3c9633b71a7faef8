"""Hyperparameter spaces as they are written: constants, ranges, choices, and spaces within spaces.

    hyperparameters:
      layers: 3                                                     # a constant
      learning_rate: {type: log, base: 10, minval: -4, maxval: -1}  # the path `learning_rate`
      optimizer:                                                    # a mapping without `type` is a nested space
        momentum: {type: double, minval: 0.0, maxval: 0.9}          # the path `optimizer.momentum`

What is drawn from a space, and which points of it a grid has, is decided in `pedl.search`.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Discriminator, RootModel, Tag, field_validator
from pydantic_core.core_schema import ValidationInfo

from pedl.config.values import Count, Number, Section, Whole, refused

SMALLEST_EXPONENT, LARGEST_EXPONENT = -307, 308
"""The powers of ten that `base ** exponent` must stay between, to be a number that is neither 0 nor infinite."""


class Const(Section):
    """A value that every trial gets; `lr: 0.1` is short for `lr: {type: const, val: 0.1}`."""

    type: Literal["const"] = "const"
    val: Any


class Int(Section):
    """Whole numbers in minval .. maxval, both included."""

    type: Literal["int"]
    minval: Whole
    maxval: Whole
    count: Count | None = None

    @field_validator("maxval")
    @classmethod
    def _not_below_minval(cls, maxval: int, info: ValidationInfo) -> int:
        minval = info.data.get("minval")
        if minval is not None and maxval < minval:
            raise refused(f"at least minval, which is {minval}", "; exchange the two?")
        return maxval


class Double(Section):
    """Numbers in [minval, maxval)."""

    type: Literal["double"]
    minval: Number
    maxval: Number
    count: Count | None = None

    @field_validator("maxval")
    @classmethod
    def _above_minval(cls, maxval: float, info: ValidationInfo) -> float:
        return above(info.data.get("minval"), maxval)


class Log(Section):
    """`base ** e` for exponents e in [minval, maxval)."""

    type: Literal["log"]
    base: Number
    minval: Number
    maxval: Number
    count: Count | None = None

    @field_validator("base")
    @classmethod
    def _usable_base(cls, base: float) -> float:
        if base <= 0 or base == 1:
            raise refused("a number above 0 that is not 1", ", for example 10")
        return base

    @field_validator("minval", "maxval")
    @classmethod
    def _finite_power(cls, exponent: float, info: ValidationInfo) -> float:
        base = info.data.get("base")
        if base and not SMALLEST_EXPONENT <= exponent * math.log10(base) <= LARGEST_EXPONENT:
            bounds = f"1e{SMALLEST_EXPONENT} .. 1e{LARGEST_EXPONENT}"
            raise refused(f"an exponent for which base ** exponent is in {bounds}", "; minval and maxval are exponents")
        return exponent

    @field_validator("maxval")
    @classmethod
    def _above_minval(cls, maxval: float, info: ValidationInfo) -> float:
        return above(info.data.get("minval"), maxval)


class Categorical(Section):
    """One of `vals`, which may be of any type."""

    type: Literal["categorical"]
    vals: list[Any]

    @field_validator("vals")
    @classmethod
    def _not_empty(cls, vals: list[Any]) -> list[Any]:
        if not vals:
            raise refused("a list of at least one value", ", for example [16, 32, 64]")
        return vals


def above(minval: float | None, maxval: float) -> float:
    """Returns maxval if it is above minval, or if minval was refused already."""
    if minval is not None and maxval <= minval:
        remedy = "; exchange the two?" if maxval < minval else "; for one value, write the value alone"
        raise refused(f"more than minval, which is {minval}", remedy)
    return maxval


Parameter = Const | Int | Double | Log | Categorical

KINDS: dict[str, type[Section]] = {
    "const": Const, "int": Int, "double": Double, "log": Log, "categorical": Categorical
}  # fmt: skip

CONSTANT, SPACE = "constant", "space"
"""What an entry without `type` is: a value alone, or a mapping."""


def kind_of(entry: object) -> str:
    """Returns which of the kinds an entry of a space is written as; an unknown `type` is returned as it is."""
    if isinstance(entry, dict):
        return str(entry["type"]) if "type" in entry else SPACE
    if isinstance(entry, Space):
        return SPACE
    return entry.type if isinstance(entry, Parameter) else CONSTANT


def _named(name: str) -> str:
    if not name or "." in name:
        raise refused("a name without dots that is not empty", "; nest instead: `optimizer: {momentum: ...}`")
    return name


def _filled(space: Space) -> Space:
    if not space.root:
        raise refused("a space of at least one parameter", "; leave it out")
    return space


class Space(RootModel[dict[str, Any]]):
    """Names, each with a parameter or with a space of its own."""

    model_config = ConfigDict(strict=True, frozen=True)

    root: dict[
        Annotated[str, AfterValidator(_named)],
        Annotated[
            Annotated[Const, Tag("const")]
            | Annotated[Int, Tag("int")]
            | Annotated[Double, Tag("double")]
            | Annotated[Log, Tag("log")]
            | Annotated[Categorical, Tag("categorical")]
            | Annotated[Const, BeforeValidator(lambda value: {"val": value}), Tag(CONSTANT)]
            | Annotated[Space, AfterValidator(_filled), Tag(SPACE)],
            Discriminator(kind_of),
        ],
    ]

    def flat(self, prefix: str = "") -> dict[str, Parameter]:
        """Returns every parameter by its dotted path, sorted by path: the order of all that is done with a space."""
        parameters: dict[str, Parameter] = {}
        for name, entry in self.root.items():
            if isinstance(entry, Space):
                parameters.update(entry.flat(f"{prefix}{name}."))
            else:
                parameters[prefix + name] = entry
        return dict(sorted(parameters.items()))
