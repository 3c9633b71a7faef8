"""Things in the order of ranks that change: compared with sorting them all."""

from hypothesis import given
from hypothesis import strategies as st

from pedl.experiment.ranked import Ranked


@given(st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), st.integers(0, 9))), max_size=40))
def test_the_first_are_those_of_the_smallest_ranks(changes):
    ranked, plain = Ranked(), {}
    for key, value in changes:
        rank = None if value is None else (value, key)
        ranked.put(key, rank)
        plain[key] = rank
        order = sorted((rank, key) for key, rank in plain.items() if rank is not None)
        for count in (0, 1, 3, 99):
            assert ranked.first(count) == [key for _, key in order[:count]]
