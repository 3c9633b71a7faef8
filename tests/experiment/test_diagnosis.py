"""From the first mismatch to its batch, its tensors and its cause; pure."""

import base64

import pytest

from pedl.experiment.alarm import first_difference
from pedl.experiment.diagnosis import Circumstances, diagnose, first_equal_sum
from pedl.experiment.profile import profile_differences


def words(*numbers):
    return base64.b64encode(b"".join(number.to_bytes(8, "little") for number in numbers)).decode()


STEP = {
    "step": 2, "batches": 6, "metrics": {"loss": 0.5}, "data": words(1, 2, 3), "samples": words(10, 20, 30),
    "states": words(4, 5, 6), "fingerprint": "aa", "tensors": {"0:a/kernel": "01" * 8, "10:bias": "02" * 8},
}  # fmt: skip
PROFILE = {"tensorflow": "2.21.0", "intra_op": 4, "instruction_set": ["X86_V3"], "dtype_policy": "float32"}


def difference(change, kind="step", recorded=STEP, **circumstances):
    repeated = {**recorded, **change}
    mismatch = first_difference(kind, recorded, repeated)
    assert mismatch is not None
    return diagnose(kind, recorded, repeated, mismatch, Circumstances(**circumstances))


def changed_profile(**found):
    return profile_differences(PROFILE, {**PROFILE, **found})


@pytest.mark.parametrize(
    ("change", "batch", "cause"),
    [
        ({"data": words(1, 9, 3), "samples": words(10, 21, 30)}, 5, "data"),
        ({"data": words(9, 2, 3)}, 4, "order"),
        ({"data": words(1, 9, 8), "samples": words(10, 25, 25)}, 5, "order"),
        ({"data": words(1, 9, 8), "samples": words(10, 25, 26)}, 5, "data"),
        ({"data": words(1, 9, 8), "samples": words(10, 2**64 - 5, 55)}, 5, "order"),
        ({"states": words(4, 5, 7)}, 6, "operation"),
        ({"states": words(7, 7, 7), "data": words(1, 9, 3)}, 4, "operation"),
        ({"metrics": {"loss": 0.6}}, None, "operation"),
        ({"fingerprint": "bb"}, None, "initial weights"),
    ],
)
def test_batch_and_cause_of_a_step_are_told_by_its_words(change, batch, cause):
    found = difference(change)
    assert (found.step, found.batch, found.cause) == (2, batch, cause)
    assert found.because and f"Cause: {cause}. {found.because}" in found.message


def test_a_difference_of_no_batch_names_its_step():
    assert "\nThis is step 2 of the trial.\n" in difference({"metrics": {"loss": 0.6}}).message
    assert "This is step" not in difference({"states": words(4, 5, 7)}).message


def test_order_says_how_far_it_reaches():
    assert "The batch holds the same samples in another order" in difference({"data": words(9, 2, 3)}).message
    found = difference({"data": words(1, 9, 8), "samples": words(10, 25, 25)})
    assert "This batch and the 1 after it together hold the same samples" in found.message
    assert first_equal_sum([], []) is None


def test_without_words_of_samples_data_are_data():
    assert difference({"data": words(9, 2, 3)}, recorded={**STEP, "samples": ""}).cause == "data"


def test_what_differs_before_the_first_batch_are_the_initial_weights():
    found = difference({"initial_state": "02"}, kind="started", recorded={"initial_state": "01"})
    assert (found.step, found.batch, found.cause) == (0, 0, "initial weights")


@pytest.mark.parametrize(
    ("found", "cause"), [({"intra_op": 2}, "pools"), ({"instruction_set": []}, "instruction set"),
                         ({"tensorflow": "2.20.0"}, "versions"), ({"dtype_policy": "float16"}, "versions"),
                         ({"tensorflow": "2.20.0", "intra_op": 2}, "versions")],
)  # fmt: skip
def test_another_profile_is_the_cause_of_another_result(found, cause):
    states = {"states": words(4, 5, 7)}
    assert difference(states, profile=changed_profile(**found)).cause == cause
    assert next(iter(found)) in difference(states, profile=changed_profile(**found)).message


def test_pools_do_not_change_data_and_versions_may():
    data = {"data": words(1, 9, 3), "samples": words(10, 21, 30)}
    assert difference(data, profile=changed_profile(intra_op=2)).cause == "data"
    assert difference(data, profile=changed_profile(tensorflow="2.20.0")).cause == "versions"


def test_a_change_of_the_code_comes_before_everything():
    found = difference({"states": words(7, 5, 7)}, profile=changed_profile(intra_op=2), code_change="a.py was changed")
    assert (found.batch, found.cause) == (4, "code")
    assert "a.py was changed" in found.message


def test_the_first_batch_after_a_resume_tells_a_state_that_was_not_restored():
    later = {"states": words(4, 7, 7)}
    assert difference(later, resumed_at={4}).cause == "resume"
    assert difference(later, resumed_at={3, 5}).cause == "operation"


def test_tensors_are_those_at_the_end_of_the_step():
    found = difference({"states": words(4, 7, 7), "tensors": {"0:a/kernel": "01" * 8, "10:bias": "03" * 8}})
    assert (found.tensors, found.tensors_exact) == (("bias",), False)
    found = difference({"states": words(4, 5, 7), "tensors": {"0:a/kernel": "04" * 8, "10:bias": "03" * 8}})
    assert (found.tensors, found.tensors_exact) == (("a/kernel", "bias"), True)
    assert "Tensors that differ after that batch: a/kernel, bias." in found.message


def test_tensors_are_exact_where_every_batch_was_kept():
    def every(*batches):
        return "".join(f"{batch:016x}" for batch in batches)

    recorded = {**STEP, "tensors": {"0:a/kernel": every(1, 2, 3), "10:bias": every(4, 5, 6)}}
    change = {"states": words(4, 7, 7), "tensors": {"0:a/kernel": every(1, 2, 8), "10:bias": every(4, 9, 9)}}
    found = difference(change, recorded=recorded)
    assert (found.batch, found.tensors, found.tensors_exact) == (5, ("bias",), True)
