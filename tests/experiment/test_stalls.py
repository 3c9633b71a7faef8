"""How long workers stood still: as many as are free, but no more than hang on a decision."""

import pytest

from pedl.experiment.stalls import Stalls


@pytest.mark.parametrize(("idle", "waiting", "expected"), [(0, 5, 0), (3, 0, 0), (3, 2, 20), (1, 2, 10)])
def test_free_workers_count_while_a_decision_is_waited_for(idle, waiting, expected):
    times = iter([0, 10, 100, 110])
    stalls = Stalls(lambda: next(times))
    with stalls.watching(idle, waiting):
        pass
    assert stalls.waited_s == expected


def test_stretches_add_up_also_one_that_ends_in_an_error():
    times = iter([0, 1, 5, 7])
    stalls = Stalls(lambda: next(times))
    with stalls.watching(1, 1):
        pass
    with pytest.raises(KeyError), stalls.watching(1, 1):
        raise KeyError
    assert stalls.waited_s == 3
