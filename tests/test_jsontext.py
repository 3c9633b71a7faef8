"""Equal values are equal bytes."""

import math

import pytest

from pedl.jsontext import dumps


def test_the_text_is_canonical_and_floats_keep_their_bits():
    assert dumps({"b": 0.1 + 0.2, "a": (1, 1.0, None)}) == '{"a":[1,1.0,null],"b":0.30000000000000004}'


def test_nan_and_infinities_are_strings():
    assert dumps([math.nan, math.inf, -math.inf]) == '["NaN","Infinity","-Infinity"]'


@pytest.mark.parametrize("value", [{1: "a"}, {"a": {2}}, object()])
def test_what_json_lacks_is_refused(value):
    with pytest.raises(TypeError, match="cannot be kept as JSON"):
        dumps(value)
