"""Who is trained next: the smallest number that has something to do, once."""

from pedl.experiment.queue import Queue
from pedl.experiment.trial_state import TrialState


def trial(number, *targets, reached=(), closed=False):
    return TrialState(number, {}, number, targets=list(targets), reached={step: {} for step in reached}, closed=closed)


def test_the_smallest_number_comes_first_and_each_comes_once():
    queue = Queue()
    for one in (trial(3, 1), trial(1, 1), trial(2, 1), trial(1, 1)):
        queue.update(one)
    assert [queue.pop() for _ in range(4)] == [1, 2, 3, None]


def test_a_trial_that_has_nothing_to_do_does_not_come_and_one_that_goes_on_comes_again():
    queue = Queue()
    for one in (trial(1), trial(2, 1, reached=[1]), trial(3, 1, closed=True)):
        queue.update(one)
    assert queue.pop() is None
    queue.update(trial(2, 1, 4, reached=[1]))
    assert (queue.pop(), queue.pop()) == (2, None)
