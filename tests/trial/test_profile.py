"""The numeric profile names what bits depend on: for an experiment's search, too, where that is a package's."""

import pytest

from pedl.trial.profile import profile_of


def profile(searcher):
    return profile_of({"config": {"reproducibility": {"op_determinism": True}, "searcher": {"name": searcher}}})


def test_the_version_of_optuna_is_in_the_profile_if_it_suggests_the_hyperparameters():
    optuna = pytest.importorskip("optuna")
    with_it, without = profile("optuna"), profile("random")
    assert with_it == {**without, "optuna": optuna.__version__}
    assert "optuna" not in without
