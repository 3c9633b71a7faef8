"""One note for all layers that draw from a running stream; what else was found stays as it is."""

from __future__ import annotations

from pedl.trial.notes import notes


def finding(kind: str, where: str) -> dict[str, str]:
    return {"kind": kind, "where": where, "message": f"{where}: {kind}"}


def test_one_layer_has_its_own_words_and_several_are_told_together() -> None:
    seed = finding("global_seed", "model_def.py:3")
    one = finding("running_stream", "model_def.py:10")
    assert notes([seed, one]) == ["model_def.py:3: global_seed", "model_def.py:10: running_stream"]
    first, *others = notes([seed, one, one, finding("running_stream", "layer 'a'")])
    assert first.startswith("3 layers draw from a running stream: model_def.py:10, layer 'a': reproducible")
    assert others == ["model_def.py:3: global_seed"]


def test_not_more_than_some_places_are_named() -> None:
    (told,) = notes([finding("running_stream", f"m.py:{line}") for line in range(9)])
    assert told.startswith("9 layers") and "m.py:5, ...: reproducible" in told
