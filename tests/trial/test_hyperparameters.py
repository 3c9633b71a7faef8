"""A hyperparameter that is not there is told with the line that asked for it; what is there is plain data."""

from __future__ import annotations

import copy
import json
import pickle
import sys

import pytest

from pedl.errors import TrialDefinitionError
from pedl.trial import context
from pedl.trial.context import TrialContext, get_hyperparameter
from pedl.trial.hyperparameters import Hyperparameters
from pedl.trial.plain_state import packed, unpacked

VALUES = {"learning_rate": 0.1, "units": [4, 8], "optimizer": {"momentum": 0.9}}
HPARAMS = Hyperparameters(VALUES)


def asked(name: str, *, of: dict[str, object] = HPARAMS) -> tuple[str, str]:
    """Returns what is said where `name` is asked for, and the line that asks."""
    line = sys._getframe().f_lineno + 2
    with pytest.raises(TrialDefinitionError) as caught:
        of[name]
    return str(caught.value), f"test_hyperparameters.py:{line}: "


def test_initials_find_the_name_and_the_line_is_told() -> None:
    text, where = asked("lr")
    told = "there is no hyperparameter lr; there are learning_rate, optimizer, units; did you mean `learning_rate`?\n"
    assert text.startswith(where + told)


def test_a_nested_one_is_told_by_its_path() -> None:
    text, where = asked("momentun", of=HPARAMS["optimizer"])
    told = "there is no hyperparameter optimizer.momentun; there are optimizer.momentum; did you mean `momentum`?"
    assert text.startswith(where + told)
    assert "the configuration has none" in asked("lr", of=Hyperparameters())[0]


def test_the_helper_says_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(context, "_current", TrialContext(7, HPARAMS))
    assert get_hyperparameter("optimizer.momentum") == 0.9
    with pytest.raises(KeyError, match=r"^test_hyperparameters.py:\d+: there is no hyperparameter optimizer.lr; there"):
        get_hyperparameter("optimizer.lr")
    with pytest.raises(KeyError, match=r"no hyperparameter units.x: what stands before x is \[4, 8\]"):
        get_hyperparameter("units.x")


def test_they_are_plain_data_all_the_same() -> None:
    assert HPARAMS == VALUES and HPARAMS.get("lr", 1) == 1 and "lr" not in HPARAMS
    assert json.dumps(HPARAMS) == json.dumps(VALUES) and repr(HPARAMS) == repr(VALUES)
    assert unpacked(packed(HPARAMS, "they")) == VALUES, "a callback may keep them in a checkpoint"
    assert copy.deepcopy(HPARAMS) == VALUES == pickle.loads(pickle.dumps(HPARAMS))
