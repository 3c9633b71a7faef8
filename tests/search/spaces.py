"""Spaces that several tests of the search use."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from pedl.config.hparams import Space

EVERY_KIND: dict[str, Any] = {
    "constant": [1, {"a": None}],
    "units": {"type": "int", "minval": -3, "maxval": 12, "count": 4},
    "huge": {"type": "int", "minval": -(2**63), "maxval": 2**63 - 1, "count": 3},
    "dropout": {"type": "double", "minval": 0.0, "maxval": 0.9, "count": 4},
    "tiny": {"type": "double", "minval": 1.0, "maxval": 1.0000000000000002, "count": 2},
    "activation": {"type": "categorical", "vals": ["relu", None, 2, [3, 4]]},
    "optimizer": {
        "learning_rate": {"type": "log", "base": 10, "minval": -4, "maxval": -1, "count": 4},
        "deeper": {"decay": {"type": "log", "base": 0.5, "minval": 0.25, "maxval": 8, "count": 3}},
    },
}


def space(mapping: dict[str, Any]) -> Space:
    return Space.model_validate(mapping)


names = st.text("abcdefgh_", min_size=1, max_size=4).filter(lambda name: name != "type")
bounds = st.tuples(st.integers(-1000, 1000), st.integers(1, 1000)).map(lambda pair: (pair[0], pair[0] + pair[1]))


def _range(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    return bounds.map(lambda pair: {"type": kind, "minval": pair[0], "maxval": pair[1]})


exponents = st.tuples(st.integers(-20, 10), st.integers(1, 10)).map(
    lambda pair: {"type": "log", "base": 10, "minval": pair[0], "maxval": pair[0] + pair[1]}
)
choices = st.lists(st.integers(), min_size=1, max_size=4).map(lambda vals: {"type": "categorical", "vals": vals})
parameters = st.one_of(_range("int"), _range("double"), exponents, choices, st.integers())
mappings = st.dictionaries(names, parameters, max_size=5)
"""Flat spaces as they are written."""
