"""The table of laws is what pytest would run, and has no holes."""

from __future__ import annotations

import pytest

from tests.docs import laws
from tests.trial.alone import TRIAL_WORKLOADS


def test_the_page_is_what_the_tests_are_parametrized_with() -> None:
    assert laws.PAGE.read_text() == laws.page(), "write it anew: python -m tests.docs.laws"


@pytest.mark.parametrize("workload", TRIAL_WORKLOADS)
def test_every_law_but_that_of_cut_mechanisms_is_tried_on_every_workload(workload: str) -> None:
    assert [law for law, _, cell in laws.LAWS if not cell(workload)] in ([], ["forgotten, and noticed"])


def test_a_test_that_leaves_a_workload_out_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    page = laws.page()
    for name in ("test_another_seed_has_other_bits", "test_resumed_is_uninterrupted"):
        with monkeypatch.context() as patch:
            less = pytest.mark.parametrize("name", TRIAL_WORKLOADS[1:]).mark
            test = getattr(laws.test_run, name)
            patch.setattr(test, "pytestmark", [mark for mark in test.pytestmark if mark.args[0] != "name"] + [less])
            assert laws.page() != page
