"""The laws that pedl keeps, as tests for model definitions: one line each in your own test suite.

    from pedl.testing import assert_independent_of_draws, assert_reproducible, assert_resume_is_exact

    def test_my_trial_keeps_the_laws():
        assert_reproducible(MyTrial, {"units": 8})
        assert_resume_is_exact(MyTrial, {"units": 8})

Each law trains the class for a few batches in processes of its own, as an experiment would, and compares what is
recorded bit by bit. The calling process loads no TensorFlow for it. A failure is an AssertionError that names the first
batch and the tensors that differ. `assert_one_decision_log` is about the search of a configuration: it trains nothing.
"""

from pedl.testing.decisions import assert_one_decision_log
from pedl.testing.laws import assert_independent_of_draws, assert_reproducible, assert_resume_is_exact

__all__ = ["assert_independent_of_draws", "assert_one_decision_log", "assert_reproducible", "assert_resume_is_exact"]
