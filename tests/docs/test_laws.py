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
    for name, names in (
        ("test_another_seed_has_other_bits", "name"),
        ("test_resumed_is_uninterrupted", laws.RESUMED_AT),
    ):
        test = getattr(laws.test_run, name)
        (mark,) = test.pytestmark
        for case in (0, -1):
            less = [it for at, it in enumerate(mark.args[1]) if at != case % len(mark.args[1])]
            with monkeypatch.context() as patch:
                patch.setattr(test, "pytestmark", [pytest.mark.parametrize(names, less).mark])
                assert laws.page() != page
