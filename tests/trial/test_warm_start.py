"""A trial that starts from another's checkpoint has its weights and optimizer, and is a new trial in all else."""

import pytest

from tests.trial.alone import Failed


@pytest.fixture(scope="module")
def source(alone, tmp_path_factory):
    """name -> (path, sha256, weights) of a trial that was trained for 7 batches under another seed."""
    known = {}

    def made(name):
        if name not in known:
            directory = str(tmp_path_factory.mktemp(name))
            saved, weights = alone(name, ["train", 7], ["save", directory], ["weights"], seed=3)[-2:]
            known[name] = (saved["path"], saved["sha256"], weights)
        return known[name]

    return made


@pytest.mark.long
@pytest.mark.parametrize("name", ["mlp", "lstm", "functional", "gan", "mixed", "graph"])
def test_weights_are_the_sources_and_what_follows_repeats_and_resumes(alone, source, tmp_path, name):
    path, sha256, weights = source(name)
    start = ["start_from", path, sha256]
    found, words, *_, end = alone(name, start, ["weights"], ["words"], ["train", 10], ["words"])[1:]
    assert (found, words["batches"]) == (weights, 0)
    saved = alone(name, start, ["train", 4], ["save", str(tmp_path)])[-1]
    assert alone(name, ["load", saved["path"]], ["train", 6], ["words"])[-1] == end
    cold = alone(name, ["train", 10], ["words"])[-1]
    assert (cold["initial"], cold["fingerprint"] != end["fingerprint"]) == (end["initial"], True)


def updates_and_rate(run, started):
    optimizer = run.model.optimizer
    momenta = [float(abs(variable.numpy()).sum()) for variable in optimizer.variables[2:]]
    seeds = [
        variable.numpy().tolist() for variable in run.model.variables if variable.path.endswith("seed_generator_state")
    ]
    return int(optimizer.iterations.numpy()), float(optimizer.learning_rate.numpy()), sum(momenta) > 0, seeds


def test_the_optimizers_state_is_the_sources_and_seeds_and_learning_rate_are_the_trials(alone, source):
    path, sha256, _ = source("mlp")
    look = ["python", "tests.trial.test_warm_start", "updates_and_rate"]
    warm = alone("mlp", ["start_from", path, sha256], look, hparams={"learning_rate": 0.25})[-1]
    cold = alone("mlp", look, hparams={"learning_rate": 0.25})[-1]
    assert warm[:3] == [7, 0.25, True]
    assert warm[3] == cold[3] != []


def test_another_model_is_refused_with_the_tensor_and_both_sides(alone, source):
    path, sha256, _ = source("mlp")
    with pytest.raises(
        Failed, match=r"checkpoint: model \S*hidden/kernel, float32, \[20, 16\]\n.*hidden/kernel, float32, \[20, 17\]"
    ):
        alone("mlp", ["start_from", path, sha256], hparams={"units": 17})
    with pytest.raises(Failed, match=r"checkpoint: .*, float32, .*\n  model: "):
        alone("cnn", ["start_from", path, sha256])
    with pytest.raises(Failed, match=r"checkpoint: model .*\n  model:      model hidden/kernel, float32, \[20, 17\]"):
        alone("graph", ["start_from", path, sha256], hparams={"units": 17})


def test_another_hash_than_the_recorded_one_is_refused(alone, source):
    path, _, _ = source("mlp")
    with pytest.raises(Failed, match=r"state\.json is damaged: its sha256 is .*, expected 0000"):
        alone("mlp", ["start_from", path, "0" * 64])
