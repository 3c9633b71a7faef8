"""A trial alone: trained in any portions, stopped and resumed anywhere, it has the same bits."""

import itertools

import pytest

from tests.marks import long_but
from tests.trial.alone import TRIAL_WORKLOADS, Failed

BATCHES = 17
"""More than two epochs of each workload, ending inside a step and inside an epoch."""

END = (["train", BATCHES], ["words"], ["weights"])

EPOCH = dict.fromkeys(TRIAL_WORKLOADS, 7) | {"lstm": 5, "sequence": 8, "stateful": 5}
"""Batches per epoch; a step has 5."""

PLACES = ["0", "1", "within a step", "one before an epoch's end", "an epoch's end"]
"""Where a trial is resumed."""

FEW = ("mlp", "graph")
"""What a plain `pytest` takes of each law."""

AT_LEAST = dict(zip(TRIAL_WORKLOADS, itertools.cycle(place for place in PLACES if place != "within a step")))
"""Where `.ci/run` resumes each workload, besides within a step; the long run has every place for each."""


def _marks(name, place):
    if place == "within a step":
        return [] if name in FEW else [pytest.mark.long]
    return [pytest.mark.long if place == AT_LEAST[name] else pytest.mark.soak]


RESUMED = [pytest.param(name, place, marks=_marks(name, place)) for name in TRIAL_WORKLOADS for place in PLACES]

SEEDS = [pytest.param(name, marks=[] if name in ("mlp", "graph") else [pytest.mark.soak]) for name in TRIAL_WORKLOADS]
"""`.ci/run` tries others in a whole experiment, in `tests/promises`, and the long run tries all there."""


@pytest.fixture(scope="module")
def uninterrupted(alone):
    """name -> (words, weights) after BATCHES batches in one piece."""
    known = {}

    def result(name):
        if name not in known:
            known[name] = alone(name, *END)[-2:]
        return known[name]

    return result


@pytest.fixture(scope="module")
def in_portions(alone, tmp_path_factory):
    """name -> (number of batches -> the checkpoint there, (words, weights)) of a trial that is saved at each place."""
    known = {}

    def result(name):
        if name not in known:
            stops = sorted({_stop(name, each) for each in PLACES})
            directory = str(tmp_path_factory.mktemp(name))
            legs = [stop - before for stop, before in zip(stops, [0, *stops], strict=False)]
            portions = [action for leg in legs for action in (["train", leg], ["save", directory])]
            results = alone(name, *portions, ["train", BATCHES - stops[-1]], ["words"], ["weights"])
            known[name] = dict(zip(stops, results[1 : 2 * len(stops) : 2], strict=True)), results[-2:]
        return known[name]

    return result


@pytest.mark.parametrize("name", long_but(FEW, TRIAL_WORKLOADS))
def test_another_process_and_other_portions_give_the_same_bits(in_portions, uninterrupted, name):
    assert in_portions(name)[1] == uninterrupted(name)


@pytest.mark.parametrize("name", SEEDS)
def test_another_seed_has_other_bits(alone, uninterrupted, name):
    words, weights = alone(name, *END, seed=8)[-2:]
    assert words["fingerprint"] != uninterrupted(name)[0]["fingerprint"]
    assert weights != uninterrupted(name)[1]


@pytest.mark.parametrize("name", long_but(FEW, TRIAL_WORKLOADS))
def test_validation_leaves_no_trace_and_repeats_its_numbers(alone, uninterrupted, name):
    actions = [["train", 3], ["validate"], ["train", 2], ["validate"], ["validate"], ["train", 12]]
    results = alone(name, *actions, ["words"], ["weights"])
    assert results[-2:] == uninterrupted(name)
    assert results[3] == results[4] != results[1]
    assert any("loss" in metric for metric in results[1]), "its name is its own for a train_step of one's own"


def _stop(name, place):
    epoch = EPOCH[name]
    return {"0": 0, "1": 1, "one before an epoch's end": epoch - 1, "an epoch's end": epoch, "within a step": 13}[place]


@pytest.fixture(scope="module")
def saved(in_portions):
    """name, place -> the path of the checkpoint there."""
    return lambda name, place: in_portions(name)[0][_stop(name, place)]["path"]


@pytest.mark.parametrize(("name", "place"), RESUMED)
def test_resumed_is_uninterrupted(alone, uninterrupted, saved, name, place):
    rest = ["train", BATCHES - _stop(name, place)]
    resumed = alone(name, ["load", saved(name, place)], rest, ["words"], ["weights"])
    assert resumed[-2:] == uninterrupted(name)


@pytest.mark.parametrize("name", long_but(("mlp",), ["mlp", "cnn", "graph"]))
def test_a_step_that_was_interrupted_reports_what_an_uninterrupted_one_reports(alone, tmp_path, name):
    whole = alone(name, ["train", 10])[0]
    saved = alone(name, ["train", 8], ["save", str(tmp_path)])[-1]
    resumed = alone(name, ["load", saved["path"]], ["train", 2])[-1]
    assert resumed == whole[1:]


@pytest.mark.long
def test_equal_states_have_equal_checkpoints(alone, tmp_path):
    first = alone("cnn", ["train", 7], ["save", str(tmp_path)])[-1]
    again = alone("cnn", ["load", first["path"]], ["save", str(tmp_path)])[-1]
    assert again["path"] != first["path"]
    assert again["sha256"] == first["sha256"]


def test_a_checkpoint_of_another_model_is_refused_with_both_sides(alone, tmp_path):
    saved = alone("mlp", ["train", 1], ["save", str(tmp_path)])[-1]
    with pytest.raises(Failed, match=r"hidden/kernel, float32, \[20, 16\]\n.*hidden/kernel, float32, \[20, 17\]"):
        alone("mlp", ["load", saved["path"]], hparams={"units": 17})


@pytest.mark.parametrize("name", long_but(("mlp",), ["mlp", "cnn", "graph"]))
def test_recording_every_tensor_at_every_batch_changes_no_word(alone, name):
    config = {
        "reproducibility": {"threads": {"intra_op": 4, "inter_op": 4}, "op_determinism": True, "fingerprint": "batch"}
    }
    coarse, fine = alone(name, ["train", 10])[0], alone(name, ["train", 10], config=config)[0]
    for one, other in zip(coarse, fine, strict=True):
        last_words = {tensor: words[-16:] for tensor, words in other["tensors"].items()}
        assert one == {**other, "tensors": last_words}
        assert {len(words) for words in other["tensors"].values()} == {5 * 16}
