"""The pure parts: the alarm finds the first difference, the outcome covers what is promised and nothing else."""

import base64
import copy

import pytest

from pedl.experiment.alarm import first_difference
from pedl.experiment.fold import ExperimentState, fold
from pedl.experiment.outcome import outcome, outcome_sha256
from pedl.experiment.profile import differences, expected_profile
from pedl.store import Event


def words(*numbers):
    return base64.b64encode(b"".join(number.to_bytes(8, "big") for number in numbers)).decode()


STEP = {
    "step": 1, "batches": 3, "metrics": {"loss": 0.5}, "data": words(1, 2, 3), "states": words(4, 5, 6),
    "fingerprint": "aa", "tensors": {"0:kernel": "01", "1:bias": "02"},
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"metrics": {"loss": 0.5000000000000001}}, "metrics.loss"),
        ({"metrics": {"loss": 0.5, "f1": 1.0}}, "metrics.f1"),
        ({"tensors": {"0:kernel": "01", "1:bias": "03"}, "metrics": {"loss": 1.0}}, "tensors.1:bias"),
        ({"states": words(4, 7, 8), "fingerprint": "bb"}, "states, batch 2 of the step"),
        ({"data": words(1, 2, 9), "states": words(4, 5, 9)}, "data, batch 3 of the step"),
        ({"states": words(4, 7, 8), "data": words(1, 2, 9)}, "states, batch 2 of the step"),
        ({"data": words(1, 2)}, "data, number of batches"),
        ({"batches": 4, "data": words(9)}, "batches"),
    ],
)
def test_the_first_difference_is_named_causes_before_consequences(change, what):
    repeated = {**STEP, **change}
    difference = first_difference("step", STEP, repeated)
    assert difference is not None and difference.what == what
    assert difference.recorded != difference.repeated
    assert first_difference("step", STEP, copy.deepcopy(STEP)) is None


def test_a_zero_with_another_sign_is_a_difference():
    recorded, repeated = ({**STEP, "metrics": {"loss": zero}} for zero in (0.0, -0.0))
    difference = first_difference("step", recorded, repeated)
    assert difference is not None and difference.what == "metrics.loss"


CONFIG = {"labels": [], "description": "", "searcher": {"metric": "loss", "smaller_is_better": True}}
CREATED = {"config": CONFIG, "experiment_seed": 7, "numeric_profile": {}, "warnings": []}


def state(**changes) -> ExperimentState:
    """One trial of one step that is over, with the payload of some events changed."""
    events = {
        "created": (None, CREATED),
        "trial_created": (1, {"hparams": {"units": 4}, "trial_seed": 9}),
        "trial_targeted": (1, {"until_step": 1}),
        "started": (1, {"numeric_profile": {}, "audit": [], "initial_state": "00"}),
        "restarted": (1, {"reason": "killed"}),
        "step": (1, STEP),
        "checkpoint": (1, {"step": 1, "batches": 3, "uuid": "u", "sha256": "s"}),
        "validation": (1, {"step": 1, "metrics": {"loss": 0.1}}),
        "reached": (1, {"step": 1, "batches": 3, "weights_sha256": "w", "fingerprint": "aa"}),
        "trial_closed": (1, {}),
        "completed": (None, {}),
    }
    return fold(
        Event(number, kind, trial_id, {**payload, **changes.get(kind, {})}, "")
        for number, (kind, (trial_id, payload)) in enumerate(events.items(), start=1)
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"trial_created": {"hparams": {"units": 5}}},
        {"trial_created": {"trial_seed": 10}},
        {"trial_targeted": {"until_step": 2}},
        {"step": {"metrics": {"loss": 0.5000000000000001}}},
        {"validation": {"metrics": {"loss": "NaN"}}},
        {"reached": {"weights_sha256": "v"}},
    ],
)
def test_what_is_promised_moves_the_outcome(changes):
    assert outcome_sha256(state(**changes)) != outcome_sha256(state())


@pytest.mark.parametrize(
    "changes",
    [
        {"checkpoint": {"uuid": "v"}},
        {"restarted": {"reason": "another"}},
        {"created": {"numeric_profile": {"python": "3.13"}}},
        {"started": {"audit": ["found"]}},
    ],
)
def test_what_is_not_promised_does_not(changes):
    assert outcome_sha256(state(**changes)) == outcome_sha256(state())


def test_there_is_no_outcome_before_the_end():
    unfinished = state()
    unfinished.state = "PAUSED"
    assert outcome_sha256(unfinished) is None
    assert outcome(unfinished) == outcome(state())


def test_only_pools_may_differ_from_the_profile_of_the_experiment():
    profile = {"python": "3.11", "intra_op": 4, "inter_op": 4, "grappler": {"constant_folding": False}}
    expected = expected_profile(profile, None)
    assert differences(expected, {**profile, "intra_op": 1}) == []
    found = {**profile, "grappler": {"constant_folding": True}}
    assert differences(expected, found) == ["grappler.constant_folding: recorded False, found True"]
    assert differences(expected_profile(profile, {"intra_op": 2}), profile) == ["intra_op: recorded 2, found 4"]
    assert differences(profile, {})[-1] == "python: recorded 3.11, found nothing"
