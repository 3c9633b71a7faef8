"""Equal values are equal bytes."""

import enum
import json
import math

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pedl.jsontext import canonical, dumps, number, plain, with_floats


def test_the_text_is_canonical_and_floats_keep_their_bits():
    assert dumps({"b": 0.1 + 0.2, "a": (1, 1.0, None)}) == '{"a":[1,1.0,null],"b":0.30000000000000004}'


class Colour(str, enum.Enum):
    RED = "red"

    def __str__(self):
        return "something else"


class Number(enum.IntEnum):
    ONE = 1


KEYS = st.text() | st.just(Colour.RED)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from([Colour.RED, Number.ONE, numpy.float64(0.1), numpy.float64("nan"), -0.0]),
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(KEYS, inner),
    max_leaves=20,
)


@given(VALUES)
def test_what_is_canonical_is_what_a_reader_gets(value):
    def shape(item):
        if isinstance(item, dict):
            return [(type(key), key, shape(inner)) for key, inner in item.items()]
        return [shape(inner) for inner in item] if type(item) is list else (type(item), repr(item))

    assert shape(canonical(value)) == shape(json.loads(dumps(value)))


def test_what_is_plain_stays_in_its_order():
    assert list(plain({"b": (1,), "a": {}}).items()) == [("b", [1]), ("a", {})]


def test_nan_and_infinities_are_strings():
    assert dumps([math.nan, math.inf, -math.inf]) == '["NaN","Infinity","-Infinity"]'


def test_what_was_written_as_a_string_is_a_float_again():
    value = {"loss": math.nan, "by_class": [[0.5, -math.inf], [1]], "best": math.inf, "none": None}
    back = with_floats(plain(value))
    assert math.isnan(back.pop("loss"))
    assert back == {"by_class": [[0.5, -math.inf], [1]], "best": math.inf, "none": None}


def test_a_number_is_a_single_one():
    assert math.isnan(number("NaN"))
    assert [number(it) for it in ("-Infinity", "Infinity", 1, 0.5)] == [-math.inf, math.inf, 1.0, 0.5]
    assert [number(it) for it in ("text", "1", [1, 2], {}, True, None)] == [None] * 6


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {2}}, object()])
def test_what_json_lacks_is_refused(value):
    with pytest.raises(TypeError, match="cannot be kept as JSON"):
        dumps(value)
