"""The battery tells apart what computes otherwise, in real processes; `pedl doctor --against` on it: tests/cli."""

from __future__ import annotations

from typing import Any

import pytest

from pedl.config.schema import Reproducibility, Threads
from pedl.verify.machine import examine
from pedl.verify.machines import compare


@pytest.fixture(scope="module")
def machine() -> dict[str, Any]:
    """This machine, with the kernels that every processor has."""
    return examine(True, Reproducibility(onednn=False))


def test_the_doctor_tells_the_real_profile_without_the_pools_of_an_experiment(machine: dict[str, Any]) -> None:
    expected = {"tensorflow", "keras", "numpy", "instruction_set", "onednn", "op_determinism"}
    assert expected <= set(machine["numeric_profile"])
    assert "intra_op" not in machine["numeric_profile"]
    assert machine["battery"]["threads"] == {"intra_op": 4, "inter_op": 4}


@pytest.mark.long
def test_another_pool_gives_convolutions_and_no_elementwise_function_other_bits(machine: dict[str, Any]) -> None:
    smaller = examine(True, Reproducibility(onednn=False, threads=Threads(intra_op=1)))
    found = compare(machine, smaller, machine["numeric_profile"]["onednn"])
    assert [it.entry for it in found.profile] == ["intra_op"]
    others = {kind.name: kind.other for kind in found.kinds}
    assert len(others["convolutions"]) == 3
    # The same functions in another process have the same digests: the battery repeats itself.
    assert others["elementwise functions"] == others["optimizer updates"] == others["NumPy, in data loaders"] == ()
    assert not found.agree
