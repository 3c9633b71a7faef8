"""What was being done is said in front of errors that name no culprit, and of no others."""

import pytest

from pedl.errors import TrialDefinitionError
from pedl.trial.during import FailedDuring, during


def test_an_error_is_told_with_what_was_done_and_stays_the_cause():
    with pytest.raises(FailedDuring, match="compiling failed") as caught, during(lambda: "compiling failed"):
        raise ValueError("unknown")
    assert repr(caught.value.__cause__) == "ValueError('unknown')"


def test_an_error_of_our_own_and_one_that_was_told_already_pass():
    for error in (TrialDefinitionError("batch_size() returned 0"), FailedDuring("inner")):
        with pytest.raises(type(error)) as caught, during(lambda: "outer"):
            raise error
        assert caught.value is error


def test_the_text_is_made_only_when_it_is_needed():
    with during(lambda: 1 / 0):
        pass
